"""A second, naive reading of the contract, to judge the service by; it shares no code with the product.

- values: the single values that conditions and tokens are made of
- viewpoint: who looks, and what is true of one ticket for them
- matchers: a value -> a test over tickets, for each field and operator
- conditions, criteria: the saved conditions and the search criteria, each as one test
- request: the body, checked
- selection: which perspective is meant
- listing: scope, order and columns
- evaluator: evaluate(world, user_id, body) -> Answer
- random_choices, sample_values, drawn_tables, drawn_perspectives, drawn_bodies, worlds: Hypothesis strategies
- scenario: a failing case told so that a person can follow it
- example: the fixed world of the hand-worked cases
"""

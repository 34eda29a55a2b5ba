"""The values of the domain: who asks, what is asked, the saved view, the statement, the answer, the errors."""

"""The SQL that compares a field with values, shared by the fields of a kind.

Text compares by the database's own `lower()` on both sides, never by this program's: they differ outside
ASCII. Each function answers "any of these values" (PERSPECTIVES.md, "Conditions").
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tickiti_query.catalogue.predicate import CompileContext, Flag, Matcher, Predicate, join_any
from tickiti_query.catalogue.values import Word
from tickiti_query.model.numbers import BIGINT

Fragment = Callable[[CompileContext], str]


def equals_any(expression: str, values: Sequence[str]) -> str:
    """Write `expression = value`, or `expression IN (values)`."""
    return f"{expression} = {values[0]}" if len(values) == 1 else f"{expression} IN ({', '.join(values)})"


def fold(context: CompileContext, name: str, value: str) -> str:
    """Write a text value as the database folds it."""
    return f"lower(CAST({context.binds.add(name, value)} AS text))"


def fold_all(context: CompileContext, name: str, values: Iterable[str]) -> list[str]:
    """Write text values as the database folds them, each once."""
    return [fold(context, name, value) for value in dict.fromkeys(values)]


def pattern(value: str) -> str:
    """Return the LIKE pattern of a substring, in which `%`, `_` and the backslash are plain characters."""
    for character in "\\%_":
        value = value.replace(character, "\\" + character)
    return f"%{value}%"


def match_text(expression: str, name: str, *, nullable: bool = False) -> Matcher:
    """Return a matcher: the text is one of the values, without case."""

    def match(values: Sequence[str], context: CompileContext) -> Predicate:
        return Predicate(equals_any(f"lower({expression})", fold_all(context, name, values)), nullable)

    return match


def match_person(expression: str, name: str, *, nullable: bool = False) -> Matcher:
    """Return a matcher like match_text, for a column whose index has each person's tickets by update."""

    def match(values: Sequence[str], context: CompileContext) -> Predicate:
        branches = tuple(f"lower({expression}) = {key}" for key in fold_all(context, name, values))
        found = match_text(expression, name, nullable=nullable)(values, context)
        return replace(found, branches=branches, worth_splitting=is_by_update, selective=True)

    return match


def is_by_update(key: str) -> bool:
    """Return True where the first key of an order is the time when the ticket was updated."""
    return key == "t.updated_at"


def contain_text(expression: str, name: str) -> Matcher:
    """Return a matcher: the text has one of the values in it, without case."""

    def match(values: Sequence[str], context: CompileContext) -> Predicate:
        patterns = fold_all(context, name, map(pattern, values))
        return join_any([Predicate(f"lower({expression}) LIKE {each}") for each in patterns])

    return match


def match_exactly(expression: str, name: str) -> Matcher:
    """Return a matcher: the text is one of the values, to the letter."""

    def match(values: Sequence[str], context: CompileContext) -> Predicate:
        binds = [f"CAST({context.binds.add(name, value)} AS text)" for value in dict.fromkeys(values)]
        return Predicate(equals_any(expression, binds))

    return match


def match_number(expression: str, name: str) -> Matcher:
    """Return a matcher: the number is one of the values. No ticket has a value beyond 64 bits."""

    def match(values: Sequence[int], context: CompileContext) -> Predicate:
        binds = [context.binds.add(name, value) for value in dict.fromkeys(values) if value in BIGINT]
        return Predicate(equals_any(expression, binds) if binds else "FALSE")

    return match


def match_moment(comparison: str, name: str) -> Matcher:
    """Return a matcher: `t.created_at >=` (or the like) one of the times."""

    def match(values: Sequence[str], context: CompileContext) -> Predicate:
        binds = [f"CAST({context.binds.add(name, value)} AS timestamp)" for value in dict.fromkeys(values)]
        return join_any([Predicate(f"{comparison} {bind}") for bind in binds])

    return match


def match_flag(flag: Flag) -> Matcher:
    """Return a matcher: the flag has one of the values."""

    def match(values: Sequence[bool], context: CompileContext) -> Predicate:
        if len(set(values)) == 2:
            return Predicate("TRUE")
        predicate = flag(context)
        return predicate if values[0] else predicate.negate()

    return match


def resolve_emails(context: CompileContext, values: Iterable[object]) -> list[str]:
    """Return the e-mail addresses among the values, with the subject user's for `me`."""
    meant = (context.subject.email if value is Word.ME else value for value in values)
    return [value for value in meant if isinstance(value, str)]

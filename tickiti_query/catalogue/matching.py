"""The SQL that compares a field with values, shared by the fields of a kind.

Text compares by the database's own `lower()` on both sides, never by this program's: they differ outside
ASCII. Each `match_…` answers "any of these values" (PERSPECTIVES.md, "Conditions").
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tickiti_query.catalogue.predicate import CompileContext, Flag, Predicate, join_any
from tickiti_query.catalogue.values import Word
from tickiti_query.model.statement import BIGINT

FEW_PATTERNS = 8  # that many are planned one by one, each with an index of its own; more are one comparison


def equals_any(expression: str, values: Sequence[str]) -> str:
    """Write `expression = value`, or `expression IN (values)`. Nothing equals one of no values."""
    if not values:
        return "FALSE"
    return f"{expression} = {values[0]}" if len(values) == 1 else f"{expression} IN ({', '.join(values)})"


def fold_all(context: CompileContext, name: str, values: Iterable[str]) -> list[str]:
    """Write text values as the database folds them, each once."""
    return [f"lower(CAST({context.binds.add(name, value)} AS text))" for value in dict.fromkeys(values)]


def pattern(value: str) -> str:
    """Return the LIKE pattern of a substring, in which `%`, `_` and the backslash are plain characters."""
    for character in "\\%_":
        value = value.replace(character, "\\" + character)
    return f"%{value}%"


def match_text(sql: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets whose text is one of the values, without case.

    NULL is no text. Views over other people's tables may have it in any column.
    """
    return Predicate(equals_any(f'lower({sql}) COLLATE "C"', fold_all(context, name, values)), nullable=True)


def match_person(sql: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets as match_text does, for a column whose index has each person's tickets by update."""
    branches = tuple(f'lower({sql}) COLLATE "C" = {key}' for key in fold_all(context, name, values))
    found = match_text(sql, name, values, context)
    return replace(found, branches=branches, worth_splitting=is_by_update, selective=True)


def is_by_update(key: str) -> bool:
    """Return True where the first key of an order is the time when the ticket was updated."""
    return key == "t.updated_at"


def contain_text(sql: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets whose text has one of the values in it, without case."""
    patterns = fold_all(context, name, map(pattern, values))
    if len(patterns) > FEW_PATTERNS:  # and the text is folded once, not for each of them
        return Predicate(f"lower({sql}) LIKE ANY (ARRAY[{', '.join(patterns)}])", nullable=True)
    return join_any([Predicate(f"lower({sql}) LIKE {each}", nullable=True) for each in patterns])


def match_exactly(sql: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets whose text is one of the values, to the letter."""
    binds = [f"CAST({context.binds.add(name, value)} AS text)" for value in dict.fromkeys(values)]
    return Predicate(equals_any(sql, binds))


def match_number(sql: str, name: str, values: Sequence[int], context: CompileContext) -> Predicate:
    """Match tickets whose number is one of the values. No ticket has a value beyond 64 bits."""
    binds = [context.binds.add(name, value) for value in dict.fromkeys(values) if value in BIGINT]
    return Predicate(equals_any(sql, binds) if binds else "FALSE")


def match_moment(bound: str, name: str, values: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets for which `bound`, such as `t.created_at >= {}`, holds with one of the times."""
    binds = [f"CAST({context.binds.add(name, value)} AS timestamp)" for value in dict.fromkeys(values)]
    return join_any([Predicate(bound.format(bind)) for bind in binds])


def match_flag(flag: Flag, values: Sequence[bool], context: CompileContext) -> Predicate:
    """Match tickets whose flag has one of the values."""
    if len(set(values)) == 2:
        return Predicate("TRUE")
    predicate = flag(context)
    return predicate if values[0] else predicate.negate()


def resolve_emails(context: CompileContext, values: Iterable[object]) -> list[str]:
    """Return the e-mail addresses among the values, with the subject user's for `me`, which may be none."""
    meant = (context.subject.email if value is Word.ME else value for value in values)
    return [value for value in meant if isinstance(value, str)]

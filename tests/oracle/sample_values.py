"""The few words, names and times that generated worlds are made of, so that they collide.

Only characters whose lower case is one character and the same in Python and in PostgreSQL's C.UTF-8.
"""

from datetime import date, datetime

# The first is the plainest: failing cases shrink towards it.
FRAGMENTS = (
    "a", "b", "A", "ab", "aB", "é", "É", "ω", "Ω", "ß", "ss", "%", "_", "\\", "'", "a%b", "a_b", "a\\b",
    "\\%", "🙂", "me", "ME", " ", "a ", "10", "#a", "--", "😀b", "Öl", "öL",
)  # fmt: skip
TEXTS = (
    "a", "b", "A", "ab", "Ab", "AB", "a b", "b a", "", "é", "É", "caÉ", "caé", "ω", "Ω", "ß", "SS", "ss",
    "Straße", "STRASSE", "100%", "100 x", "a%b", "axb", "a_b", "a\\b", "a\\%b", "it's", "its", "🙂", "a🙂B",
    "！", "a ", " a", "a\nb", "me", "Unassigned", "zz", "Öl", "öl", "\u00a0a",
)  # fmt: skip
RESOLUTIONS = (None, "a", "A", "done", "Done", "É", "é", "ß", "")
TAGS = ("a", "A", "b", "É", "é", "ω", "Ω", "a_b", "a%b", "a\\b", "x'y", "ß", "ss", "#a", "🙂", "B", "Z")
USER_EMAILS = (  # that of the user with id 1, 2, …
    "ann@x.io", "bob@x.io", "édith@x.io", "a_b@x.io", "a%b@x.io", "o'hara@x.io", "ωmega@x.io", "ann@x.i",
)  # fmt: skip
OUTSIDE_EMAILS = ("cust@y.io", "axb@x.io", "me", "unassigned", "ss@ß.io")
PERSON_NAMES = ("Ann", "Bob", "bob", "Édith", "", "me")
QUEUE_NAMES = ("Sales", "sales", "1", "Ωmega", "ωmega")
TEAM_NAMES = ("Red", "Blue", "Red")
WATCHLIST_NAMES = ("Hot", "hot", "Hot", "1", "2", "É", "é", "")
PERSPECTIVE_NAMES = ("Mine", "All", "mine", "all", "Ω", "ω", "", "1", "a%b")

IDS = (1, 2, 3, 10, 7)
MISSING_ID = 99
STRANGE_IDS = (MISSING_ID, 0, -1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30)
MOMENTS = tuple(
    datetime.fromisoformat(text)
    for text in (
        "2026-05-01 09:14:02", "2026-05-01 00:00:00", "2026-05-01 23:59:59", "2026-05-02 00:00:00",
        "2026-05-02 11:30:48", "2026-04-30 23:59:59", "2024-02-29 12:00:00", "1999-12-31 23:59:59",
        "2026-05-01 23:59:59.600000", "2026-05-01 23:59:59.999999", "2026-05-01 09:14:02.000001",
    )
)  # fmt: skip
MOMENTS_OR_NONE = (None, *MOMENTS)
DAYS_OR_NONE = (None, None, date.fromisoformat("2026-05-03"), date.fromisoformat("2026-05-04"))

STATUSES = ("open", "on-hold", "closed")
PRIORITIES = (20, 10, 30, 40)
PRIORITY_VALUES = (
    20, 10, 30, 40, "20", "10", "30", "40", "Low", "Normal", "High", "Urgent", "low", "nORMAL", "HIGH",
)  # fmt: skip
FLAGS = ("retained", "participating", "unread", "recently_read", "inbox", "for_attention")

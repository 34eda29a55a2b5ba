"""What a worker keeps of what questions came to, bounded in bytes."""

import threading
from collections.abc import Hashable

from cachetools import LRUCache

from tickiti_query.cache.cache import OVERHEAD_BYTES
from tickiti_query.query.recipe import Recipe


class RecipeBook:
    """The recipes of the questions that were asked last, at most `max_bytes` of them. Safe for threads.

    Nothing in it is an answer: the replica says each time whether a recipe still holds.
    """

    def __init__(self, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._recipes: LRUCache[Hashable, Recipe] = LRUCache(
            max_bytes, lambda recipe: recipe.size + OVERHEAD_BYTES
        )

    def get(self, key: Hashable) -> Recipe | None:
        """The recipe of a question, or None."""
        with self._lock:
            return self._recipes.get(key)

    def put(self, key: Hashable, recipe: Recipe) -> None:
        """Keep a recipe, unless it is larger than all that may be kept."""
        with self._lock:
            if recipe.size + OVERHEAD_BYTES <= self._recipes.maxsize:
                self._recipes[key] = recipe

    def drop(self, key: Hashable) -> None:
        """Forget a recipe."""
        with self._lock:
            self._recipes.pop(key, None)

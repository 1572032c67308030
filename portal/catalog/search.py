"""Search over the catalog: by name, description, tag, and by the names of columns that one may read."""

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from portal.access.model import Actor
from portal.catalog.known import KnownTable, known, on_connection


def search(actor: Actor, q: str, limit: int | None = 20) -> list[KnownTable]:
    """The known tables in which every word of `q` is found, best first: by name, then the rest. Three queries."""
    words = q.lower().split()[:10]
    if not words:
        return []
    rows = on_connection(actor.connection).annotate(
        columns_text=Cast("columns", TextField()),
        keys_text=Cast("partition_keys", TextField()),
    )
    for word in words:  # narrows; what may be seen is looked at below
        named = Q(name__icontains=word.rpartition(".")[2]) | Q(database__name__icontains=word)
        inside = Q(columns_text__icontains=word) | Q(keys_text__icontains=word)
        tagged = ~Q(tags=[])  # JSON escapes letters beyond ASCII, so these are compared below
        rows = rows.filter(named | inside | tagged | Q(description__icontains=word))
    ranked = [(rank, one) for one in known(actor, rows) if (rank := _rank(one, words))]
    ranked.sort(key=lambda found: -found[0])  # stable: by name within a rank
    return [one for _, one in ranked[:limit]]


def _rank(one: KnownTable, words: list[str]) -> int:
    """0 where a word is found nowhere that the reader may see."""
    table = one.table
    full = f"{table.database.name}.{table.name}"
    rest = " ".join([table.description, *table.tags, *(column["name"] for column in one.columns)]).lower()
    ranks = []
    for word in words:
        if word in (table.name, full):
            ranks.append(4)
        elif table.name.startswith(word):
            ranks.append(3)
        elif word in full:
            ranks.append(2)
        else:
            ranks.append(1 if word in rest else 0)
    return 0 if 0 in ranks else sum(ranks)

"""Places, training sets and the graph as people look at them, and where one person is."""

from lineage.admin import datasets, graph, places
from lineage.admin.people import where_is

__all__ = ["datasets", "graph", "places", "where_is"]

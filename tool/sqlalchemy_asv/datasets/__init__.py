"""Columnar generation of datasets with millions of rows; needs Faker (extra `datasets`)."""

from .columnar import ColumnarDataset, Columns, distinct, popular, several

__all__ = ["ColumnarDataset", "Columns", "distinct", "popular", "several"]

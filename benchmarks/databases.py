"""The database itself: its settings, restoring it for a sample, and loading it."""

from sqlalchemy_asv import DatabaseSettings, LoadDataset, Restoring

from . import ecommerce, social

SETTINGS = [
    "version",
    # SQLite
    *("cache_size", "page_size", "synchronous"),
    # PostgreSQL
    *("autovacuum", "data_checksums", "fsync", "full_page_writes", "jit"),
    *("max_parallel_workers_per_gather", "random_page_cost", "shared_buffers"),
    *("synchronous_commit", "work_mem"),
    # MariaDB
    *("innodb_buffer_pool_size", "innodb_doublewrite", "innodb_flush_log_at_trx_commit"),
    *("log_bin", "sync_binlog"),
]


class Settings(DatabaseSettings):
    """The database's version and settings, which explain a step that no commit made."""

    params = (SETTINGS,)
    param_names = ("setting",)


class RestoreSocial(Restoring, social.CreateUser):
    """Restore the standard social dataset after a sample that wrote."""


class RestoreEcommerce(Restoring, ecommerce.CreateOrder):
    """Restore the shop's standard dataset after a sample that wrote."""


class LoadSocial(LoadDataset):
    """Load the social dataset into PostgreSQL, against bare COPY of the same finished rows."""

    module = "fixtures.social.dataset"

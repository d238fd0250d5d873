"""The catalogue's SQL tables, and how text that is not valid Unicode is stored in them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class ExactText(TypeDecorator[str]):
    """Text that comes back exactly, also where it stands for a path that is not UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Encode, surrogates included."""
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Decode, surrogates included."""
        return None if value is None else bytes(value).decode("utf-8", "surrogatepass")


class ShownText(TypeDecorator[str]):
    """Text for people: what is not valid Unicode is stored escaped, so that it can be sent and shown."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape lone surrogates."""
        return None if value is None else shown(value)


def shown(text: str) -> str:
    """Return `text` with lone surrogates escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

settings = Table(
    "settings", metadata, Column("key", String, primary_key=True), Column("value", ExactText, nullable=False)
)

counters = Table(
    "counters", metadata, Column("topic", String, primary_key=True), Column("value", Integer, nullable=False)
)

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uri", ExactText, nullable=False, unique=True),
)

items = Table(
    "items",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("source", ForeignKey("sources.id"), nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("reason", ShownText),
    Column("shard", Integer, nullable=False),
    Column("row", Integer),
    Column("width", Integer, nullable=False, server_default="0"),
    Column("height", Integer, nullable=False, server_default="0"),
    Column("digest", LargeBinary),
    Column("touched", Integer, nullable=False),
    UniqueConstraint("source", "key"),
    Index("items_touched", "touched"),
    Index("items_shard", "shard"),
)

oddities = Table(
    "oddities",
    metadata,
    Column("source", ForeignKey("sources.id"), primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("reason", ShownText, nullable=False),
)

shards = Table(
    "shards",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("source", ForeignKey("sources.id"), nullable=False),
    Column("committed", Integer, nullable=False, server_default="0"),
)

files = Table(
    "files",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("owner", Integer, nullable=False),
    Column("part", String, nullable=False),
    Column("name", String, nullable=False, unique=True),
    Column("bytes", BigInteger, nullable=False),
    Column("crc32", BigInteger, nullable=False),
    UniqueConstraint("kind", "owner", "part"),
    sqlite_autoincrement=True,
)

backbones = Table(
    "backbones",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("layers", Text, nullable=False),
)

maps = Table(
    "maps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_count", Integer, nullable=False),
    Column("final", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("origin", Text, nullable=False),
    sqlite_autoincrement=True,
)

rounds = Table(
    "rounds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created", Float, nullable=False),
    Column("map_id", Integer, nullable=False),
    Column("label_seq", Integer, nullable=False),
    Column("parent", Integer),
    Column("layer", Text, nullable=False),
    Column("loss", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("classes", Text, nullable=False),
    Column("report", Text, nullable=False),
    sqlite_autoincrement=True,
)

columns = Table(
    "columns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", ShownText, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("categories", Text, nullable=False),
    Column("origin", ShownText, nullable=False),
    Column("content", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

classes = Table(
    "classes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("time", Float, nullable=False),
    Column("user", ShownText, nullable=False),
    Column("how", ShownText, nullable=False),
    Column("kind", String, nullable=False),
    Column("request_id", ShownText, unique=True),
    Column("class_id", ForeignKey("classes.id")),
    Column("map_id", Integer),
    Column("target", ForeignKey("events.seq")),
    Column("item_count", Integer, nullable=False),
    Column("item_ids", LargeBinary),
    Column("item_classes", LargeBinary),
    Column("payload", Text),
    Column("round_id", Integer),
    Index("events_target", "target"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", ShownText, nullable=False),
    Column("state", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("beat", Float, nullable=False),
    Column("worker", Text),
    Column("cancel", Integer, nullable=False, server_default="0"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("message", ShownText, nullable=False, server_default=""),
    Column("rate", Float, nullable=False, server_default="0"),
    Column("seconds_left", Float),
    Column("parameters", Text, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)

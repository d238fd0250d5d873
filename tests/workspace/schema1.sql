CREATE TABLE meta (
	"key" VARCHAR NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
);
CREATE TABLE settings (
	"key" VARCHAR NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY ("key")
);
CREATE TABLE counters (
	topic VARCHAR NOT NULL,
	value INTEGER NOT NULL,
	PRIMARY KEY (topic)
);
CREATE TABLE sources (
	id INTEGER NOT NULL,
	uri BLOB NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (uri)
);
CREATE TABLE files (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	kind VARCHAR NOT NULL,
	owner INTEGER NOT NULL,
	part VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	bytes BIGINT NOT NULL,
	crc32 BIGINT NOT NULL,
	UNIQUE (kind, owner, part),
	UNIQUE (name)
);
CREATE TABLE backbones (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	layers TEXT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE maps (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	item_count INTEGER NOT NULL,
	final INTEGER NOT NULL,
	created FLOAT NOT NULL,
	origin TEXT NOT NULL
);
CREATE TABLE classes (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name)
);
CREATE TABLE jobs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,
	state VARCHAR NOT NULL,
	created FLOAT NOT NULL,
	beat FLOAT NOT NULL,
	worker TEXT,
	cancel INTEGER DEFAULT '0' NOT NULL,
	done INTEGER DEFAULT '0' NOT NULL,
	total INTEGER DEFAULT '0' NOT NULL,
	message TEXT DEFAULT '' NOT NULL,
	rate FLOAT DEFAULT '0' NOT NULL,
	seconds_left FLOAT
);
CREATE TABLE items (
	id INTEGER NOT NULL,
	source INTEGER NOT NULL,
	"key" BLOB NOT NULL,
	size BIGINT NOT NULL,
	mtime_ns BIGINT NOT NULL,
	status INTEGER NOT NULL,
	reason TEXT,
	shard INTEGER NOT NULL,
	"row" INTEGER,
	width INTEGER DEFAULT '0' NOT NULL,
	height INTEGER DEFAULT '0' NOT NULL,
	digest BLOB,
	touched INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (source, "key"),
	FOREIGN KEY(source) REFERENCES sources (id)
);
CREATE INDEX items_shard ON items (shard);
CREATE INDEX items_touched ON items (touched);
CREATE TABLE oddities (
	source INTEGER NOT NULL,
	"key" BLOB NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY (source, "key"),
	FOREIGN KEY(source) REFERENCES sources (id)
);
CREATE TABLE shards (
	number INTEGER NOT NULL,
	source INTEGER NOT NULL,
	committed INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (number),
	FOREIGN KEY(source) REFERENCES sources (id)
);
CREATE TABLE events (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	time FLOAT NOT NULL,
	user TEXT NOT NULL,
	how TEXT NOT NULL,
	kind VARCHAR NOT NULL,
	request_id TEXT,
	class_id INTEGER,
	map_id INTEGER,
	target INTEGER,
	item_count INTEGER NOT NULL,
	item_ids BLOB,
	item_classes BLOB,
	UNIQUE (request_id),
	FOREIGN KEY(class_id) REFERENCES classes (id),
	FOREIGN KEY(target) REFERENCES events (seq)
);
CREATE INDEX events_target ON events (target);

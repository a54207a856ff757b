-- The tables of `recommend` for SQLite, for a shop whose customer and item keys are integers. `recommend init` makes
-- them with the types that your own keys have; this is for reading, and for those who make tables by hand.

CREATE TABLE recommendations (
    customer_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    item_id INTEGER NOT NULL,
    score DOUBLE NOT NULL,
    reason VARCHAR(16) NOT NULL,
    because_item_id INTEGER,
    PRIMARY KEY (customer_id, position)
) WITHOUT ROWID;

CREATE TABLE buy_again (
    customer_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    item_id INTEGER NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (customer_id, position)
) WITHOUT ROWID;

CREATE TABLE similar_items (
    item_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    similar_item_id INTEGER NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (item_id, position)
) WITHOUT ROWID;

CREATE TABLE bought_together (
    item_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    together_item_id INTEGER NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (item_id, position)
) WITHOUT ROWID;

CREATE TABLE popular_items (
    position INTEGER NOT NULL,
    item_id INTEGER NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (position)
) WITHOUT ROWID;

CREATE TABLE recommendation_runs (
    run_id VARCHAR(40) NOT NULL,
    published_seq INTEGER NOT NULL,
    published_at DATETIME NOT NULL,
    as_of DATE NOT NULL,
    source VARCHAR(16) NOT NULL,
    source_run_id VARCHAR(40) NOT NULL,
    method VARCHAR(16) NOT NULL,
    customers INTEGER NOT NULL,
    items INTEGER NOT NULL,
    sales BIGINT NOT NULL,
    rows_written BIGINT NOT NULL,
    model_run_id VARCHAR(40),
    data_sha256 VARCHAR(64) NOT NULL,
    ndcg DOUBLE,
    baseline_ndcg DOUBLE,
    program_version VARCHAR(32) NOT NULL,
    schema_version INTEGER NOT NULL,
    PRIMARY KEY (run_id),
    UNIQUE (published_seq)
);

CREATE TABLE forgotten_customers (
    customer_hash VARCHAR(64) NOT NULL,
    forgotten_at DATETIME NOT NULL,
    PRIMARY KEY (customer_hash)
);

-- The tables of `recommend` for MariaDB and MySQL, for a shop whose customer and item keys are integers. `recommend init` makes
-- them with the types that your own keys have; this is for reading, and for those who make tables by hand.

CREATE TABLE recommendations (
    customer_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    item_id BIGINT NOT NULL,
    score DOUBLE NOT NULL,
    reason VARCHAR(16) NOT NULL,
    because_item_id BIGINT,
    PRIMARY KEY (customer_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE buy_again (
    customer_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    item_id BIGINT NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (customer_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE similar_items (
    item_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    similar_item_id BIGINT NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (item_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE bought_together (
    item_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    together_item_id BIGINT NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (item_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE popular_items (
    position INTEGER NOT NULL,
    item_id BIGINT NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE recommendation_runs (
    run_id VARCHAR(40) NOT NULL,
    published_seq INTEGER NOT NULL,
    published_at DATETIME NOT NULL COMMENT 'UTC',
    as_of DATE NOT NULL COMMENT 'the shop''s day up to which sales were read',
    source VARCHAR(16) NOT NULL COMMENT 'run or rollback',
    source_run_id VARCHAR(40) NOT NULL COMMENT 'the run that made the lists',
    method VARCHAR(16) NOT NULL COMMENT 'als, blend, own_habit or popular',
    customers INTEGER NOT NULL,
    items INTEGER NOT NULL,
    sales BIGINT NOT NULL,
    rows_written BIGINT NOT NULL,
    model_run_id VARCHAR(40) COMMENT 'the run that trained the model',
    data_sha256 VARCHAR(64) NOT NULL,
    ndcg DOUBLE,
    baseline_ndcg DOUBLE,
    program_version VARCHAR(32) NOT NULL,
    schema_version INTEGER NOT NULL,
    PRIMARY KEY (run_id),
    UNIQUE (published_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE forgotten_customers (
    customer_hash VARCHAR(64) NOT NULL COMMENT 'HMAC-SHA256 under FORGET_KEY',
    forgotten_at DATETIME NOT NULL COMMENT 'UTC',
    PRIMARY KEY (customer_hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

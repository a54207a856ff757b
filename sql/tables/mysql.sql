-- The tables of `recommend` for MariaDB and MySQL, for a shop whose customer and item keys are integers. `recommend init` makes
-- them with the types that your own keys have; this is for reading, and for those who make tables by hand.

CREATE TABLE recommendations (
    customer_id BIGINT NOT NULL COMMENT 'the customer''s key, as the shop has it',
    position INTEGER NOT NULL COMMENT '1 for the best item, 2 for the next, without a gap',
    item_id BIGINT NOT NULL COMMENT 'the item''s key, as the shop has it',
    score DOUBLE NOT NULL COMMENT '1 for the first row of a list, falling',
    reason VARCHAR(16) NOT NULL COMMENT 'why: model, buy_again, popular, new or rule',
    because_item_id BIGINT COMMENT 'for model: the item of the customer''s own purchases without which the score would be lowest',
    PRIMARY KEY (customer_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row is one item in one customer''s list.';

CREATE TABLE buy_again (
    customer_id BIGINT NOT NULL COMMENT 'the customer''s key',
    position INTEGER NOT NULL COMMENT '1 for the item that is likeliest to be bought now',
    item_id BIGINT NOT NULL COMMENT 'the item''s key',
    score DOUBLE NOT NULL COMMENT 'likelihood relative to the first row',
    PRIMARY KEY (customer_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row is one item that a customer has bought before and is due to need.';

CREATE TABLE similar_items (
    item_id BIGINT NOT NULL COMMENT 'the item whose page it is for',
    position INTEGER NOT NULL COMMENT '1 for the most similar item',
    similar_item_id BIGINT NOT NULL COMMENT 'the item to show',
    score DOUBLE NOT NULL COMMENT 'similarity relative to the first row',
    PRIMARY KEY (item_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row is one item that goes with another: the customers of one buy the other.';

CREATE TABLE bought_together (
    item_id BIGINT NOT NULL COMMENT 'the item whose page it is for',
    position INTEGER NOT NULL COMMENT '1 for the item whose bond with it is most significant',
    together_item_id BIGINT NOT NULL COMMENT 'the item to show',
    score DOUBLE NOT NULL COMMENT 'significance (log-likelihood ratio) relative to the first row',
    PRIMARY KEY (item_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row is one item that lies in one basket with another more often than chance would have it.';

CREATE TABLE popular_items (
    position INTEGER NOT NULL COMMENT '1 for the most popular item',
    item_id BIGINT NOT NULL COMMENT 'the item''s key',
    score DOUBLE NOT NULL COMMENT 'popularity relative to the first row',
    PRIMARY KEY (position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row is one item, for visitors and for customers without rows of their own.';

CREATE TABLE recommendation_runs (
    run_id VARCHAR(40) NOT NULL COMMENT 'names the run and its folder',
    published_seq INTEGER NOT NULL COMMENT 'counts the publishes',
    published_at DATETIME NOT NULL COMMENT 'when, in UTC',
    as_of DATE NOT NULL COMMENT 'the shop''s day that the run belongs to',
    source VARCHAR(16) NOT NULL COMMENT 'run or rollback',
    source_run_id VARCHAR(40) NOT NULL COMMENT 'the run that made the lists',
    method VARCHAR(16) NOT NULL COMMENT 'als, blend, own_habit or popular',
    customers INTEGER NOT NULL COMMENT 'customers with a list',
    items INTEGER NOT NULL COMMENT 'items that were sold',
    sales BIGINT NOT NULL COMMENT 'sale lines that were read',
    rows_written BIGINT NOT NULL COMMENT 'rows in all lists',
    model_run_id VARCHAR(40) COMMENT 'the run that trained the model',
    data_sha256 VARCHAR(64) NOT NULL COMMENT 'a hash of the sales',
    ndcg DOUBLE COMMENT 'quality of the lists on past weeks',
    baseline_ndcg DOUBLE COMMENT 'that of the best simple list',
    program_version VARCHAR(32) NOT NULL COMMENT 'of the program',
    schema_version INTEGER NOT NULL COMMENT 'of these tables',
    PRIMARY KEY (run_id),
    UNIQUE (published_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row is one publish, written in the same transaction as the lists.';

CREATE TABLE forgotten_customers (
    customer_hash VARCHAR(64) NOT NULL COMMENT 'HMAC-SHA256 under FORGET_KEY',
    forgotten_at DATETIME NOT NULL COMMENT 'when, in UTC',
    PRIMARY KEY (customer_hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Whom no night reads any more.';

-- The tables of `recommend` for PostgreSQL, for a shop whose customer and item keys are integers. `recommend init` makes
-- them with the types that your own keys have; this is for reading, and for those who make tables by hand.

CREATE TABLE recommendations (
    customer_id bigint NOT NULL,
    position INTEGER NOT NULL,
    item_id bigint NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    reason VARCHAR(16) NOT NULL,
    because_item_id bigint,
    PRIMARY KEY (customer_id, position)
);
COMMENT ON TABLE recommendations IS 'One row is one item in one customer''s list.';
COMMENT ON COLUMN recommendations.customer_id IS 'the customer''s key, as the shop has it';
COMMENT ON COLUMN recommendations.position IS '1 for the best item, 2 for the next, without a gap';
COMMENT ON COLUMN recommendations.item_id IS 'the item''s key, as the shop has it';
COMMENT ON COLUMN recommendations.score IS '1 for the first row of a list, falling';
COMMENT ON COLUMN recommendations.reason IS 'why: model, buy_again, popular, new or rule';
COMMENT ON COLUMN recommendations.because_item_id IS 'for model: the item of the customer''s own purchases without which the score would be lowest';

CREATE TABLE buy_again (
    customer_id bigint NOT NULL,
    position INTEGER NOT NULL,
    item_id bigint NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (customer_id, position)
);
COMMENT ON TABLE buy_again IS 'One row is one item that a customer has bought before and is due to need.';
COMMENT ON COLUMN buy_again.customer_id IS 'the customer''s key';
COMMENT ON COLUMN buy_again.position IS '1 for the item that is likeliest to be bought now';
COMMENT ON COLUMN buy_again.item_id IS 'the item''s key';
COMMENT ON COLUMN buy_again.score IS 'likelihood relative to the first row';

CREATE TABLE similar_items (
    item_id bigint NOT NULL,
    position INTEGER NOT NULL,
    similar_item_id bigint NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (item_id, position)
);
COMMENT ON TABLE similar_items IS 'One row is one item that goes with another: the customers of one buy the other.';
COMMENT ON COLUMN similar_items.item_id IS 'the item whose page it is for';
COMMENT ON COLUMN similar_items.position IS '1 for the most similar item';
COMMENT ON COLUMN similar_items.similar_item_id IS 'the item to show';
COMMENT ON COLUMN similar_items.score IS 'similarity relative to the first row';

CREATE TABLE bought_together (
    item_id bigint NOT NULL,
    position INTEGER NOT NULL,
    together_item_id bigint NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (item_id, position)
);
COMMENT ON TABLE bought_together IS 'One row is one item that lies in one basket with another more often than chance would have it.';
COMMENT ON COLUMN bought_together.item_id IS 'the item whose page it is for';
COMMENT ON COLUMN bought_together.position IS '1 for the item whose bond with it is most significant';
COMMENT ON COLUMN bought_together.together_item_id IS 'the item to show';
COMMENT ON COLUMN bought_together.score IS 'significance (log-likelihood ratio) relative to the first row';

CREATE TABLE popular_items (
    position INTEGER NOT NULL,
    item_id bigint NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (position)
);
COMMENT ON TABLE popular_items IS 'One row is one item, for visitors and for customers without rows of their own.';
COMMENT ON COLUMN popular_items.position IS '1 for the most popular item';
COMMENT ON COLUMN popular_items.item_id IS 'the item''s key';
COMMENT ON COLUMN popular_items.score IS 'popularity relative to the first row';

CREATE TABLE recommendation_runs (
    run_id VARCHAR(40) NOT NULL,
    published_seq INTEGER NOT NULL,
    published_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
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
    ndcg DOUBLE PRECISION,
    baseline_ndcg DOUBLE PRECISION,
    program_version VARCHAR(32) NOT NULL,
    schema_version INTEGER NOT NULL,
    PRIMARY KEY (run_id),
    UNIQUE (published_seq)
);
COMMENT ON TABLE recommendation_runs IS 'One row is one publish, written in the same transaction as the lists.';
COMMENT ON COLUMN recommendation_runs.run_id IS 'names the run and its folder';
COMMENT ON COLUMN recommendation_runs.published_seq IS 'counts the publishes';
COMMENT ON COLUMN recommendation_runs.published_at IS 'when, in UTC';
COMMENT ON COLUMN recommendation_runs.as_of IS 'the shop''s day that the run belongs to';
COMMENT ON COLUMN recommendation_runs.source IS 'run or rollback';
COMMENT ON COLUMN recommendation_runs.source_run_id IS 'the run that made the lists';
COMMENT ON COLUMN recommendation_runs.method IS 'als, blend, own_habit or popular';
COMMENT ON COLUMN recommendation_runs.customers IS 'customers with a list';
COMMENT ON COLUMN recommendation_runs.items IS 'items that were sold';
COMMENT ON COLUMN recommendation_runs.sales IS 'sale lines that were read';
COMMENT ON COLUMN recommendation_runs.rows_written IS 'rows in all lists';
COMMENT ON COLUMN recommendation_runs.model_run_id IS 'the run that trained the model';
COMMENT ON COLUMN recommendation_runs.data_sha256 IS 'a hash of the sales';
COMMENT ON COLUMN recommendation_runs.ndcg IS 'quality of the lists on past weeks';
COMMENT ON COLUMN recommendation_runs.baseline_ndcg IS 'that of the best simple list';
COMMENT ON COLUMN recommendation_runs.program_version IS 'of the program';
COMMENT ON COLUMN recommendation_runs.schema_version IS 'of these tables';

CREATE TABLE forgotten_customers (
    customer_hash VARCHAR(64) NOT NULL,
    forgotten_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    PRIMARY KEY (customer_hash)
);
COMMENT ON TABLE forgotten_customers IS 'Whom no night reads any more.';
COMMENT ON COLUMN forgotten_customers.customer_hash IS 'HMAC-SHA256 under FORGET_KEY';
COMMENT ON COLUMN forgotten_customers.forgotten_at IS 'when, in UTC';

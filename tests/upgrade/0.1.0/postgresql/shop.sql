CREATE TABLE public.bought_together (
    item_id bigint NOT NULL,
    "position" integer NOT NULL,
    together_item_id bigint NOT NULL,
    score double precision NOT NULL
);
CREATE TABLE public.buy_again (
    customer_id character varying(100) NOT NULL,
    "position" integer NOT NULL,
    item_id bigint NOT NULL,
    score double precision NOT NULL
);
CREATE TABLE public.forgotten_customers (
    customer_hash character varying(64) NOT NULL,
    forgotten_at timestamp without time zone NOT NULL
);
CREATE TABLE public.items (
    item_id bigint NOT NULL,
    name character varying(100),
    sellable integer
);
CREATE TABLE public.popular_items (
    "position" integer NOT NULL,
    item_id bigint NOT NULL,
    score double precision NOT NULL
);
CREATE TABLE public.recommendation_runs (
    run_id character varying(40) NOT NULL,
    published_seq integer NOT NULL,
    published_at timestamp without time zone NOT NULL,
    as_of date NOT NULL,
    source character varying(16) NOT NULL,
    source_run_id character varying(40) NOT NULL,
    method character varying(16) NOT NULL,
    customers integer NOT NULL,
    items integer NOT NULL,
    sales bigint NOT NULL,
    rows_written bigint NOT NULL,
    model_run_id character varying(40),
    data_sha256 character varying(64) NOT NULL,
    ndcg double precision,
    baseline_ndcg double precision,
    program_version character varying(32) NOT NULL,
    schema_version integer NOT NULL
);
CREATE TABLE public.recommendations (
    customer_id character varying(100) NOT NULL,
    "position" integer NOT NULL,
    item_id bigint NOT NULL,
    score double precision NOT NULL,
    reason character varying(16) NOT NULL,
    because_item_id bigint
);
CREATE TABLE public.sales (
    order_id integer,
    customer_id character varying(100),
    guest_email character varying(100),
    item_id bigint,
    sold_at timestamp without time zone,
    quantity integer
);
CREATE TABLE public.similar_items (
    item_id bigint NOT NULL,
    "position" integer NOT NULL,
    similar_item_id bigint NOT NULL,
    score double precision NOT NULL
);
INSERT INTO public.bought_together VALUES (102, 1, 108, 1);
INSERT INTO public.bought_together VALUES (108, 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-01', 1, 101, 1);
INSERT INTO public.buy_again VALUES ('cust-03', 1, 101, 1);
INSERT INTO public.buy_again VALUES ('cust-04', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-05', 1, 103, 1);
INSERT INTO public.buy_again VALUES ('cust-06', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-09', 1, 101, 1);
INSERT INTO public.buy_again VALUES ('cust-11', 1, 101, 1);
INSERT INTO public.buy_again VALUES ('cust-12', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-13', 1, 101, 1);
INSERT INTO public.buy_again VALUES ('cust-14', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-15', 1, 101, 1);
INSERT INTO public.buy_again VALUES ('cust-16', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-19', 1, 103, 1);
INSERT INTO public.buy_again VALUES ('cust-20', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-21', 1, 103, 1);
INSERT INTO public.buy_again VALUES ('cust-23', 1, 103, 1);
INSERT INTO public.buy_again VALUES ('cust-24', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-25', 1, 101, 1);
INSERT INTO public.buy_again VALUES ('cust-27', 1, 103, 1);
INSERT INTO public.buy_again VALUES ('cust-28', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-29', 1, 103, 1);
INSERT INTO public.buy_again VALUES ('cust-31', 1, 103, 1);
INSERT INTO public.buy_again VALUES ('cust-32', 1, 102, 1);
INSERT INTO public.buy_again VALUES ('cust-33', 1, 103, 1);
INSERT INTO public.buy_again VALUES ('guest:3119d12835549e737aa5d7b1', 1, 101, 1);
INSERT INTO public.forgotten_customers VALUES ('fe0f0ff95b3a2819f23e9dda4798a392746e0697680ce0b4d1d2bb7d8c3a921c', '2026-11-30 05:01:06');
INSERT INTO public.forgotten_customers VALUES ('forget_key:5905f105af2001afe3a73965fbbb2621134bcc42411ee8cefa3e0', '2026-11-30 05:01:06');
INSERT INTO public.forgotten_customers VALUES ('9fa32a479a590e1726809a087406c169b235ed6013d34f0d5cbd4f8a9332c016', '2026-11-30 05:01:08');
INSERT INTO public.forgotten_customers VALUES ('guest_key:962290ca78067ffd06bac01a13931959c4b9c47c11d48ed0e40e14', '2026-11-30 05:01:08');
INSERT INTO public.items VALUES (100, 'Tea no. 100, "Grün"', 0);
INSERT INTO public.items VALUES (101, 'Tea no. 101, "Grün"', 1);
INSERT INTO public.items VALUES (102, 'Tea no. 102, "Grün"', 1);
INSERT INTO public.items VALUES (103, 'Tea no. 103, "Grün"', 1);
INSERT INTO public.items VALUES (104, 'Tea no. 104, "Grün"', 1);
INSERT INTO public.items VALUES (105, 'Tea no. 105, "Grün"', 1);
INSERT INTO public.items VALUES (106, 'Tea no. 106, "Grün"', 1);
INSERT INTO public.items VALUES (107, 'Tea no. 107, "Grün"', 1);
INSERT INTO public.items VALUES (108, 'Tea no. 108, "Grün"', 1);
INSERT INTO public.items VALUES (109, 'Tea no. 109, "Grün"', 1);
INSERT INTO public.items VALUES (110, 'Tea no. 110, "Grün"', 1);
INSERT INTO public.items VALUES (111, 'Tea no. 111, "Grün"', 1);
INSERT INTO public.items VALUES (112, 'Tea no. 112, "Grün"', 1);
INSERT INTO public.items VALUES (113, 'Tea no. 113, "Grün"', 1);
INSERT INTO public.items VALUES (114, 'Tea no. 114, "Grün"', 1);
INSERT INTO public.items VALUES (115, 'Tea no. 115, "Grün"', 1);
INSERT INTO public.items VALUES (116, 'Tea no. 116, "Grün"', 1);
INSERT INTO public.items VALUES (117, 'Tea no. 117, "Grün"', 1);
INSERT INTO public.items VALUES (118, 'Tea no. 118, "Grün"', 1);
INSERT INTO public.items VALUES (119, 'Tea no. 119, "Grün"', 1);
INSERT INTO public.popular_items VALUES (1, 102, 1);
INSERT INTO public.popular_items VALUES (2, 106, 0.667);
INSERT INTO public.popular_items VALUES (3, 108, 0.657);
INSERT INTO public.popular_items VALUES (4, 107, 0.618);
INSERT INTO public.popular_items VALUES (5, 109, 0.582);
INSERT INTO public.popular_items VALUES (6, 103, 0.539);
INSERT INTO public.recommendation_runs VALUES ('20261130T050100Z-5620', 1, '2026-11-30 05:01:01', '2026-02-20', 'run', '20261130T050100Z-5620', 'blend', 37, 20, 292, 203, '20261130T050100Z-5620', '5ce6a0a6aac7d6ebe47d148897e605a5a1f10cd07235243c05b42e19b3e214fa', 0.480211, 0.105211, '0.1.0', 2);
INSERT INTO public.recommendation_runs VALUES ('20261130T050102Z-37f3', 2, '2026-11-30 05:01:03', '2026-02-21', 'run', '20261130T050102Z-37f3', 'blend', 37, 20, 292, 203, '20261130T050102Z-37f3', '5ce6a0a6aac7d6ebe47d148897e605a5a1f10cd07235243c05b42e19b3e214fa', 0.480211, 0.105211, '0.1.0', 2);
INSERT INTO public.recommendation_runs VALUES ('20261130T050104Z-52ee', 3, '2026-11-30 05:01:05', '2026-02-20', 'rollback', '20261130T050100Z-5620', 'blend', 37, 20, 292, 203, '20261130T050100Z-5620', '5ce6a0a6aac7d6ebe47d148897e605a5a1f10cd07235243c05b42e19b3e214fa', 0.480211, 0.105211, '0.1.0', 2);
INSERT INTO public.recommendation_runs VALUES ('20261130T050109Z-1f5a', 4, '2026-11-30 05:01:10', '2026-02-22', 'run', '20261130T050109Z-1f5a', 'blend', 35, 20, 278, 198, '20261130T050109Z-1f5a', 'c5c25f3b804974d64435de926c43dff3eed0a62291b47754d20c24ca458329a9', 0.426694, 0.103741, '0.1.0', 2);
INSERT INTO public.recommendation_runs VALUES ('20261130T050114Z-7d45', 5, '2026-11-30 05:01:15', '2026-02-23', 'run', '20261130T050114Z-7d45', 'blend', 35, 20, 278, 198, '20261130T050114Z-7d45', 'c5c25f3b804974d64435de926c43dff3eed0a62291b47754d20c24ca458329a9', 0.426694, 0.103741, '0.1.0', 2);
INSERT INTO public.recommendations VALUES ('O"Hara, Zoë', 1, 102, 1, 'model', 106);
INSERT INTO public.recommendations VALUES ('O"Hara, Zoë', 2, 114, 0.552, 'model', 106);
INSERT INTO public.recommendations VALUES ('O"Hara, Zoë', 3, 116, 0.505, 'model', 106);
INSERT INTO public.recommendations VALUES ('cust-01', 1, 103, 1, 'model', 109);
INSERT INTO public.recommendations VALUES ('cust-01', 2, 117, 0.622, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-01', 3, 113, 0.48, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-02', 1, 102, 1, 'model', 118);
INSERT INTO public.recommendations VALUES ('cust-02', 2, 116, 0.518, 'model', 118);
INSERT INTO public.recommendations VALUES ('cust-02', 3, 114, 0.388, 'model', 106);
INSERT INTO public.recommendations VALUES ('cust-03', 1, 103, 1, 'model', 109);
INSERT INTO public.recommendations VALUES ('cust-03', 2, 113, 0.844, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-03', 3, 107, 0.835, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-04', 1, 108, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-04', 2, 106, 0.776, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-04', 3, 114, 0.71, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-05', 1, 109, 1, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-05', 2, 101, 0.623, 'model', 107);
INSERT INTO public.recommendations VALUES ('cust-05', 3, 117, 0.598, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-06', 1, 118, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-06', 2, 114, 0.875, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-06', 3, 110, 0.761, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-08', 1, 104, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-08', 2, 106, 0.863, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-08', 3, 112, 0.811, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-09', 1, 103, 1, 'model', 107);
INSERT INTO public.recommendations VALUES ('cust-09', 2, 115, 0.778, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-09', 3, 111, 0.551, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-10', 1, 102, 1, 'model', 108);
INSERT INTO public.recommendations VALUES ('cust-10', 2, 110, 0.58, 'model', 100);
INSERT INTO public.recommendations VALUES ('cust-10', 3, 116, 0.454, 'model', 108);
INSERT INTO public.recommendations VALUES ('cust-11', 1, 103, 1, 'model', 111);
INSERT INTO public.recommendations VALUES ('cust-11', 2, 115, 0.769, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-11', 3, 105, 0.604, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-12', 1, 116, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-12', 2, 118, 0.884, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-12', 3, 112, 0.757, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-13', 1, 103, 1, 'model', 117);
INSERT INTO public.recommendations VALUES ('cust-13', 2, 107, 0.624, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-13', 3, 105, 0.559, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-14', 1, 108, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-14', 2, 116, 0.891, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-14', 3, 110, 0.771, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-15', 1, 117, 1, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-15', 2, 103, 0.83, 'model', 107);
INSERT INTO public.recommendations VALUES ('cust-15', 3, 109, 0.516, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-16', 1, 118, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-16', 2, 112, 0.844, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-16', 3, 110, 0.743, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-17', 1, 107, 1, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-17', 2, 109, 0.956, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-17', 3, 101, 0.477, 'model', 111);
INSERT INTO public.recommendations VALUES ('cust-18', 1, 102, 1, 'model', 106);
INSERT INTO public.recommendations VALUES ('cust-18', 2, 108, 0.552, 'model', 100);
INSERT INTO public.recommendations VALUES ('cust-18', 3, 114, 0.542, 'model', 100);
INSERT INTO public.recommendations VALUES ('cust-19', 1, 109, 1, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-19', 2, 101, 0.52, 'model', 107);
INSERT INTO public.recommendations VALUES ('cust-19', 3, 115, 0.51, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-20', 1, 118, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-20', 2, 112, 0.865, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-20', 3, 110, 0.719, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-21', 1, 101, 1, 'model', 109);
INSERT INTO public.recommendations VALUES ('cust-21', 2, 117, 0.675, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-21', 3, 115, 0.662, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-22', 1, 118, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-22', 2, 112, 0.826, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-22', 3, 110, 0.766, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-23', 1, 105, 1, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-23', 2, 117, 0.569, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-23', 3, 115, 0.51, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-24', 1, 104, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-24', 2, 116, 0.853, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-24', 3, 110, 0.675, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-25', 1, 103, 1, 'model', 107);
INSERT INTO public.recommendations VALUES ('cust-25', 2, 113, 0.86, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-25', 3, 109, 0.666, 'model', 101);
INSERT INTO public.recommendations VALUES ('cust-26', 1, 112, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-26', 2, 114, 0.991, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-26', 3, 110, 0.974, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-27', 1, 111, 1, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-27', 2, 101, 0.816, 'model', 107);
INSERT INTO public.recommendations VALUES ('cust-27', 3, 115, 0.461, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-28', 1, 116, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-28', 2, 112, 0.756, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-28', 3, 110, 0.656, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-29', 1, 107, 1, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-29', 2, 113, 0.794, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-29', 3, 117, 0.507, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-30', 1, 116, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-30', 2, 118, 0.953, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-30', 3, 114, 0.855, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-31', 1, 101, 1, 'model', 119);
INSERT INTO public.recommendations VALUES ('cust-31', 2, 105, 0.524, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-31', 3, 113, 0.461, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-32', 1, 104, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-32', 2, 114, 0.749, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-32', 3, 110, 0.731, 'model', 102);
INSERT INTO public.recommendations VALUES ('cust-33', 1, 105, 1, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-33', 2, 113, 0.977, 'model', 103);
INSERT INTO public.recommendations VALUES ('cust-33', 3, 101, 0.865, 'model', 109);
INSERT INTO public.recommendations VALUES ('guest:3119d12835549e737aa5d7b1', 1, 113, 1, 'model', 101);
INSERT INTO public.recommendations VALUES ('guest:3119d12835549e737aa5d7b1', 2, 103, 0.972, 'model', 111);
INSERT INTO public.recommendations VALUES ('guest:3119d12835549e737aa5d7b1', 3, 109, 0.724, 'model', 101);
INSERT INTO public.recommendations VALUES ('guest:d94d0a3834f00c46e33b64d4', 1, 108, 1, 'model', 102);
INSERT INTO public.recommendations VALUES ('guest:d94d0a3834f00c46e33b64d4', 2, 116, 0.996, 'model', 102);
INSERT INTO public.recommendations VALUES ('guest:d94d0a3834f00c46e33b64d4', 3, 104, 0.876, 'model', 102);
INSERT INTO public.sales VALUES (1, 'O"Hara, Zoë', NULL, 106, '2026-02-05 09:30:00', 1);
INSERT INTO public.sales VALUES (2, 'O"Hara, Zoë', NULL, 108, '2025-12-29 09:30:00', 1);
INSERT INTO public.sales VALUES (2, 'O"Hara, Zoë', NULL, 100, '2025-12-29 09:30:00', 2);
INSERT INTO public.sales VALUES (3, 'O"Hara, Zoë', NULL, 104, '2025-12-11 09:30:00', 1);
INSERT INTO public.sales VALUES (3, 'O"Hara, Zoë', NULL, 100, '2025-12-11 09:30:00', 2);
INSERT INTO public.sales VALUES (4, 'O"Hara, Zoë', NULL, 110, '2025-11-02 09:30:00', 1);
INSERT INTO public.sales VALUES (4, 'O"Hara, Zoë', NULL, 100, '2025-11-02 09:30:00', 2);
INSERT INTO public.sales VALUES (5, 'O"Hara, Zoë', NULL, 112, '2025-10-12 09:30:00', 1);
INSERT INTO public.sales VALUES (6, 'cust-01', NULL, 119, '2026-02-10 09:30:00', 1);
INSERT INTO public.sales VALUES (6, 'cust-01', NULL, 101, '2026-02-10 09:30:00', 2);
INSERT INTO public.sales VALUES (7, 'cust-01', NULL, 109, '2026-01-23 09:30:00', 1);
INSERT INTO public.sales VALUES (8, 'cust-01', NULL, 115, '2025-12-26 09:30:00', 1);
INSERT INTO public.sales VALUES (9, 'cust-01', NULL, 107, '2025-11-16 09:30:00', 1);
INSERT INTO public.sales VALUES (10, 'cust-01', NULL, 105, '2025-10-18 09:30:00', 1);
INSERT INTO public.sales VALUES (11, 'cust-02', NULL, 118, '2026-02-13 09:30:00', 1);
INSERT INTO public.sales VALUES (12, 'cust-02', NULL, 110, '2025-12-30 09:30:00', 1);
INSERT INTO public.sales VALUES (12, 'cust-02', NULL, 100, '2025-12-30 09:30:00', 2);
INSERT INTO public.sales VALUES (13, 'cust-02', NULL, 112, '2025-12-17 09:30:00', 1);
INSERT INTO public.sales VALUES (14, 'cust-02', NULL, 106, '2025-11-15 09:30:00', 1);
INSERT INTO public.sales VALUES (15, 'cust-02', NULL, 108, '2025-10-14 09:30:00', 1);
INSERT INTO public.sales VALUES (16, 'cust-03', NULL, 109, '2026-01-28 09:30:00', 1);
INSERT INTO public.sales VALUES (16, 'cust-03', NULL, 101, '2026-01-28 09:30:00', 2);
INSERT INTO public.sales VALUES (17, 'cust-03', NULL, 115, '2025-12-31 09:30:00', 1);
INSERT INTO public.sales VALUES (18, 'cust-03', NULL, 117, '2025-12-10 09:30:00', 1);
INSERT INTO public.sales VALUES (19, 'cust-03', NULL, 119, '2025-11-15 09:30:00', 1);
INSERT INTO public.sales VALUES (19, 'cust-03', NULL, 101, '2025-11-15 09:30:00', 2);
INSERT INTO public.sales VALUES (20, 'cust-03', NULL, 105, '2025-10-10 09:30:00', 1);
INSERT INTO public.sales VALUES (20, 'cust-03', NULL, 101, '2025-10-10 09:30:00', 2);
INSERT INTO public.sales VALUES (21, 'cust-04', NULL, 118, '2026-02-05 09:30:00', 1);
INSERT INTO public.sales VALUES (21, 'cust-04', NULL, 102, '2026-02-05 09:30:00', 2);
INSERT INTO public.sales VALUES (22, 'cust-04', NULL, 116, '2025-12-29 09:30:00', 1);
INSERT INTO public.sales VALUES (22, 'cust-04', NULL, 102, '2025-12-29 09:30:00', 2);
INSERT INTO public.sales VALUES (23, 'cust-04', NULL, 112, '2025-12-05 09:30:00', 1);
INSERT INTO public.sales VALUES (23, 'cust-04', NULL, 102, '2025-12-05 09:30:00', 2);
INSERT INTO public.sales VALUES (24, 'cust-04', NULL, 110, '2025-11-11 09:30:00', 1);
INSERT INTO public.sales VALUES (25, 'cust-04', NULL, 104, '2025-10-07 09:30:00', 1);
INSERT INTO public.sales VALUES (26, 'cust-05', NULL, 107, '2026-01-27 09:30:00', 1);
INSERT INTO public.sales VALUES (26, 'cust-05', NULL, 103, '2026-01-27 09:30:00', 2);
INSERT INTO public.sales VALUES (27, 'cust-05', NULL, 111, '2025-12-28 09:30:00', 1);
INSERT INTO public.sales VALUES (27, 'cust-05', NULL, 103, '2025-12-28 09:30:00', 2);
INSERT INTO public.sales VALUES (28, 'cust-05', NULL, 115, '2025-12-11 09:30:00', 1);
INSERT INTO public.sales VALUES (29, 'cust-05', NULL, 113, '2025-11-13 09:30:00', 1);
INSERT INTO public.sales VALUES (29, 'cust-05', NULL, 103, '2025-11-13 09:30:00', 2);
INSERT INTO public.sales VALUES (30, 'cust-05', NULL, 105, '2025-10-09 09:30:00', 1);
INSERT INTO public.sales VALUES (31, 'cust-06', NULL, 108, '2026-01-27 09:30:00', 1);
INSERT INTO public.sales VALUES (31, 'cust-06', NULL, 102, '2026-01-27 09:30:00', 2);
INSERT INTO public.sales VALUES (32, 'cust-06', NULL, 106, '2025-12-27 09:30:00', 1);
INSERT INTO public.sales VALUES (32, 'cust-06', NULL, 102, '2025-12-27 09:30:00', 2);
INSERT INTO public.sales VALUES (33, 'cust-06', NULL, 112, '2025-12-14 09:30:00', 1);
INSERT INTO public.sales VALUES (33, 'cust-06', NULL, 102, '2025-12-14 09:30:00', 2);
INSERT INTO public.sales VALUES (34, 'cust-06', NULL, 116, '2025-11-01 09:30:00', 1);
INSERT INTO public.sales VALUES (34, 'cust-06', NULL, 102, '2025-11-01 09:30:00', 2);
INSERT INTO public.sales VALUES (35, 'cust-06', NULL, 104, '2025-10-17 09:30:00', 1);
INSERT INTO public.sales VALUES (36, 'cust-07', NULL, 117, '2026-02-04 09:30:00', 1);
INSERT INTO public.sales VALUES (37, 'cust-07', NULL, 119, '2026-01-17 09:30:00', 1);
INSERT INTO public.sales VALUES (37, 'cust-07', NULL, 101, '2026-01-17 09:30:00', 2);
INSERT INTO public.sales VALUES (38, 'cust-07', NULL, 115, '2025-12-25 09:30:00', 1);
INSERT INTO public.sales VALUES (38, 'cust-07', NULL, 101, '2025-12-25 09:30:00', 2);
INSERT INTO public.sales VALUES (39, 'cust-07', NULL, 113, '2025-11-17 09:30:00', 1);
INSERT INTO public.sales VALUES (39, 'cust-07', NULL, 101, '2025-11-17 09:30:00', 2);
INSERT INTO public.sales VALUES (40, 'cust-07', NULL, 107, '2025-10-25 09:30:00', 1);
INSERT INTO public.sales VALUES (41, 'cust-08', NULL, 118, '2026-02-20 09:30:00', 1);
INSERT INTO public.sales VALUES (41, 'cust-08', NULL, 102, '2026-02-20 09:30:00', 2);
INSERT INTO public.sales VALUES (42, 'cust-08', NULL, 116, '2026-01-04 09:30:00', 1);
INSERT INTO public.sales VALUES (43, 'cust-08', NULL, 108, '2025-12-16 09:30:00', 1);
INSERT INTO public.sales VALUES (43, 'cust-08', NULL, 102, '2025-12-16 09:30:00', 2);
INSERT INTO public.sales VALUES (44, 'cust-08', NULL, 110, '2025-11-28 09:30:00', 1);
INSERT INTO public.sales VALUES (45, 'cust-08', NULL, 114, '2025-10-11 09:30:00', 1);
INSERT INTO public.sales VALUES (45, 'cust-08', NULL, 102, '2025-10-11 09:30:00', 2);
INSERT INTO public.sales VALUES (46, 'cust-09', NULL, 107, '2026-01-25 09:30:00', 1);
INSERT INTO public.sales VALUES (47, 'cust-09', NULL, 117, '2026-01-21 09:30:00', 1);
INSERT INTO public.sales VALUES (47, 'cust-09', NULL, 101, '2026-01-21 09:30:00', 2);
INSERT INTO public.sales VALUES (48, 'cust-09', NULL, 113, '2025-12-26 09:30:00', 1);
INSERT INTO public.sales VALUES (48, 'cust-09', NULL, 101, '2025-12-26 09:30:00', 2);
INSERT INTO public.sales VALUES (49, 'cust-09', NULL, 109, '2025-11-04 09:30:00', 1);
INSERT INTO public.sales VALUES (50, 'cust-09', NULL, 105, '2025-10-24 09:30:00', 1);
INSERT INTO public.sales VALUES (50, 'cust-09', NULL, 101, '2025-10-24 09:30:00', 2);
INSERT INTO public.sales VALUES (51, 'cust-10', NULL, 114, '2026-02-12 09:30:00', 1);
INSERT INTO public.sales VALUES (51, 'cust-10', NULL, 100, '2026-02-12 09:30:00', 2);
INSERT INTO public.sales VALUES (52, 'cust-10', NULL, 108, '2026-01-18 09:30:00', 1);
INSERT INTO public.sales VALUES (53, 'cust-10', NULL, 104, '2025-12-06 09:30:00', 1);
INSERT INTO public.sales VALUES (54, 'cust-10', NULL, 106, '2025-11-14 09:30:00', 1);
INSERT INTO public.sales VALUES (55, 'cust-10', NULL, 112, '2025-10-16 09:30:00', 1);
INSERT INTO public.sales VALUES (55, 'cust-10', NULL, 100, '2025-10-16 09:30:00', 2);
INSERT INTO public.sales VALUES (56, 'cust-11', NULL, 113, '2026-02-12 09:30:00', 1);
INSERT INTO public.sales VALUES (56, 'cust-11', NULL, 101, '2026-02-12 09:30:00', 2);
INSERT INTO public.sales VALUES (57, 'cust-11', NULL, 111, '2025-12-31 09:30:00', 1);
INSERT INTO public.sales VALUES (57, 'cust-11', NULL, 101, '2025-12-31 09:30:00', 2);
INSERT INTO public.sales VALUES (58, 'cust-11', NULL, 109, '2025-12-20 09:30:00', 1);
INSERT INTO public.sales VALUES (59, 'cust-11', NULL, 117, '2025-11-15 09:30:00', 1);
INSERT INTO public.sales VALUES (60, 'cust-11', NULL, 107, '2025-10-31 09:30:00', 1);
INSERT INTO public.sales VALUES (60, 'cust-11', NULL, 101, '2025-10-31 09:30:00', 2);
INSERT INTO public.sales VALUES (61, 'cust-12', NULL, 108, '2026-01-29 09:30:00', 1);
INSERT INTO public.sales VALUES (61, 'cust-12', NULL, 102, '2026-01-29 09:30:00', 2);
INSERT INTO public.sales VALUES (62, 'cust-12', NULL, 104, '2026-01-10 09:30:00', 1);
INSERT INTO public.sales VALUES (62, 'cust-12', NULL, 102, '2026-01-10 09:30:00', 2);
INSERT INTO public.sales VALUES (63, 'cust-12', NULL, 114, '2025-12-19 09:30:00', 1);
INSERT INTO public.sales VALUES (64, 'cust-12', NULL, 106, '2025-11-08 09:30:00', 1);
INSERT INTO public.sales VALUES (65, 'cust-12', NULL, 110, '2025-10-15 09:30:00', 1);
INSERT INTO public.sales VALUES (65, 'cust-12', NULL, 102, '2025-10-15 09:30:00', 2);
INSERT INTO public.sales VALUES (66, 'cust-13', NULL, 117, '2026-02-19 09:30:00', 1);
INSERT INTO public.sales VALUES (67, 'cust-13', NULL, 115, '2026-01-19 09:30:00', 1);
INSERT INTO public.sales VALUES (68, 'cust-13', NULL, 113, '2025-12-25 09:30:00', 1);
INSERT INTO public.sales VALUES (68, 'cust-13', NULL, 101, '2025-12-25 09:30:00', 2);
INSERT INTO public.sales VALUES (69, 'cust-13', NULL, 109, '2025-11-01 09:30:00', 1);
INSERT INTO public.sales VALUES (69, 'cust-13', NULL, 101, '2025-11-01 09:30:00', 2);
INSERT INTO public.sales VALUES (70, 'cust-13', NULL, 111, '2025-10-22 09:30:00', 1);
INSERT INTO public.sales VALUES (71, 'cust-14', NULL, 112, '2026-02-02 09:30:00', 1);
INSERT INTO public.sales VALUES (72, 'cust-14', NULL, 106, '2026-01-05 09:30:00', 1);
INSERT INTO public.sales VALUES (72, 'cust-14', NULL, 102, '2026-01-05 09:30:00', 2);
INSERT INTO public.sales VALUES (73, 'cust-14', NULL, 104, '2025-11-30 09:30:00', 1);
INSERT INTO public.sales VALUES (74, 'cust-14', NULL, 118, '2025-11-04 09:30:00', 1);
INSERT INTO public.sales VALUES (75, 'cust-14', NULL, 114, '2025-10-15 09:30:00', 1);
INSERT INTO public.sales VALUES (75, 'cust-14', NULL, 102, '2025-10-15 09:30:00', 2);
INSERT INTO public.sales VALUES (76, 'cust-15', NULL, 115, '2026-02-02 09:30:00', 1);
INSERT INTO public.sales VALUES (76, 'cust-15', NULL, 101, '2026-02-02 09:30:00', 2);
INSERT INTO public.sales VALUES (77, 'cust-15', NULL, 105, '2026-01-20 09:30:00', 1);
INSERT INTO public.sales VALUES (78, 'cust-15', NULL, 107, '2025-12-14 09:30:00', 1);
INSERT INTO public.sales VALUES (78, 'cust-15', NULL, 101, '2025-12-14 09:30:00', 2);
INSERT INTO public.sales VALUES (79, 'cust-15', NULL, 113, '2025-11-13 09:30:00', 1);
INSERT INTO public.sales VALUES (79, 'cust-15', NULL, 101, '2025-11-13 09:30:00', 2);
INSERT INTO public.sales VALUES (80, 'cust-15', NULL, 111, '2025-10-12 09:30:00', 1);
INSERT INTO public.sales VALUES (81, 'cust-16', NULL, 104, '2026-02-10 09:30:00', 1);
INSERT INTO public.sales VALUES (81, 'cust-16', NULL, 102, '2026-02-10 09:30:00', 2);
INSERT INTO public.sales VALUES (82, 'cust-16', NULL, 106, '2026-01-15 09:30:00', 1);
INSERT INTO public.sales VALUES (83, 'cust-16', NULL, 116, '2025-11-30 09:30:00', 1);
INSERT INTO public.sales VALUES (83, 'cust-16', NULL, 102, '2025-11-30 09:30:00', 2);
INSERT INTO public.sales VALUES (84, 'cust-16', NULL, 108, '2025-11-11 09:30:00', 1);
INSERT INTO public.sales VALUES (84, 'cust-16', NULL, 102, '2025-11-11 09:30:00', 2);
INSERT INTO public.sales VALUES (85, 'cust-16', NULL, 114, '2025-10-05 09:30:00', 1);
INSERT INTO public.sales VALUES (86, 'cust-17', NULL, 111, '2026-02-16 09:30:00', 1);
INSERT INTO public.sales VALUES (86, 'cust-17', NULL, 103, '2026-02-16 09:30:00', 2);
INSERT INTO public.sales VALUES (87, 'cust-17', NULL, 105, '2026-01-06 09:30:00', 1);
INSERT INTO public.sales VALUES (87, 'cust-17', NULL, 103, '2026-01-06 09:30:00', 2);
INSERT INTO public.sales VALUES (88, 'cust-17', NULL, 115, '2025-12-02 09:30:00', 1);
INSERT INTO public.sales VALUES (88, 'cust-17', NULL, 103, '2025-12-02 09:30:00', 2);
INSERT INTO public.sales VALUES (89, 'cust-17', NULL, 117, '2025-11-12 09:30:00', 1);
INSERT INTO public.sales VALUES (90, 'cust-17', NULL, 113, '2025-10-20 09:30:00', 1);
INSERT INTO public.sales VALUES (90, 'cust-17', NULL, 103, '2025-10-20 09:30:00', 2);
INSERT INTO public.sales VALUES (91, 'cust-18', NULL, 112, '2026-02-02 09:30:00', 1);
INSERT INTO public.sales VALUES (91, 'cust-18', NULL, 100, '2026-02-02 09:30:00', 2);
INSERT INTO public.sales VALUES (92, 'cust-18', NULL, 106, '2026-01-20 09:30:00', 1);
INSERT INTO public.sales VALUES (92, 'cust-18', NULL, 100, '2026-01-20 09:30:00', 2);
INSERT INTO public.sales VALUES (93, 'cust-18', NULL, 118, '2025-12-13 09:30:00', 1);
INSERT INTO public.sales VALUES (93, 'cust-18', NULL, 100, '2025-12-13 09:30:00', 2);
INSERT INTO public.sales VALUES (94, 'cust-18', NULL, 110, '2025-11-01 09:30:00', 1);
INSERT INTO public.sales VALUES (95, 'cust-18', NULL, 116, '2025-10-27 09:30:00', 1);
INSERT INTO public.sales VALUES (96, 'cust-19', NULL, 107, '2026-02-02 09:30:00', 1);
INSERT INTO public.sales VALUES (96, 'cust-19', NULL, 103, '2026-02-02 09:30:00', 2);
INSERT INTO public.sales VALUES (97, 'cust-19', NULL, 113, '2026-01-05 09:30:00', 1);
INSERT INTO public.sales VALUES (97, 'cust-19', NULL, 103, '2026-01-05 09:30:00', 2);
INSERT INTO public.sales VALUES (98, 'cust-19', NULL, 117, '2025-12-18 09:30:00', 1);
INSERT INTO public.sales VALUES (98, 'cust-19', NULL, 103, '2025-12-18 09:30:00', 2);
INSERT INTO public.sales VALUES (99, 'cust-19', NULL, 111, '2025-11-19 09:30:00', 1);
INSERT INTO public.sales VALUES (99, 'cust-19', NULL, 103, '2025-11-19 09:30:00', 2);
INSERT INTO public.sales VALUES (100, 'cust-19', NULL, 105, '2025-10-28 09:30:00', 1);
INSERT INTO public.sales VALUES (100, 'cust-19', NULL, 103, '2025-10-28 09:30:00', 2);
INSERT INTO public.sales VALUES (101, 'cust-20', NULL, 106, '2026-02-01 09:30:00', 1);
INSERT INTO public.sales VALUES (102, 'cust-20', NULL, 116, '2026-01-21 09:30:00', 1);
INSERT INTO public.sales VALUES (102, 'cust-20', NULL, 102, '2026-01-21 09:30:00', 2);
INSERT INTO public.sales VALUES (103, 'cust-20', NULL, 104, '2025-11-30 09:30:00', 1);
INSERT INTO public.sales VALUES (104, 'cust-20', NULL, 108, '2025-11-27 09:30:00', 1);
INSERT INTO public.sales VALUES (104, 'cust-20', NULL, 102, '2025-11-27 09:30:00', 2);
INSERT INTO public.sales VALUES (105, 'cust-20', NULL, 114, '2025-10-06 09:30:00', 1);
INSERT INTO public.sales VALUES (106, 'cust-21', NULL, 109, '2026-02-15 09:30:00', 1);
INSERT INTO public.sales VALUES (107, 'cust-21', NULL, 105, '2026-01-20 09:30:00', 1);
INSERT INTO public.sales VALUES (107, 'cust-21', NULL, 103, '2026-01-20 09:30:00', 2);
INSERT INTO public.sales VALUES (108, 'cust-21', NULL, 111, '2025-12-14 09:30:00', 1);
INSERT INTO public.sales VALUES (109, 'cust-21', NULL, 107, '2025-11-11 09:30:00', 1);
INSERT INTO public.sales VALUES (110, 'cust-21', NULL, 113, '2025-10-22 09:30:00', 1);
INSERT INTO public.sales VALUES (110, 'cust-21', NULL, 103, '2025-10-22 09:30:00', 2);
INSERT INTO public.sales VALUES (111, 'cust-22', NULL, 114, '2026-02-20 09:30:00', 1);
INSERT INTO public.sales VALUES (111, 'cust-22', NULL, 102, '2026-02-20 09:30:00', 2);
INSERT INTO public.sales VALUES (112, 'cust-22', NULL, 104, '2026-01-14 09:30:00', 1);
INSERT INTO public.sales VALUES (113, 'cust-22', NULL, 106, '2025-12-16 09:30:00', 1);
INSERT INTO public.sales VALUES (113, 'cust-22', NULL, 102, '2025-12-16 09:30:00', 2);
INSERT INTO public.sales VALUES (114, 'cust-22', NULL, 108, '2025-11-18 09:30:00', 1);
INSERT INTO public.sales VALUES (114, 'cust-22', NULL, 102, '2025-11-18 09:30:00', 2);
INSERT INTO public.sales VALUES (115, 'cust-22', NULL, 116, '2025-10-29 09:30:00', 1);
INSERT INTO public.sales VALUES (116, 'cust-23', NULL, 107, '2026-01-30 09:30:00', 1);
INSERT INTO public.sales VALUES (116, 'cust-23', NULL, 103, '2026-01-30 09:30:00', 2);
INSERT INTO public.sales VALUES (117, 'cust-23', NULL, 109, '2026-01-18 09:30:00', 1);
INSERT INTO public.sales VALUES (117, 'cust-23', NULL, 103, '2026-01-18 09:30:00', 2);
INSERT INTO public.sales VALUES (118, 'cust-23', NULL, 119, '2025-12-17 09:30:00', 1);
INSERT INTO public.sales VALUES (118, 'cust-23', NULL, 103, '2025-12-17 09:30:00', 2);
INSERT INTO public.sales VALUES (119, 'cust-23', NULL, 113, '2025-11-17 09:30:00', 1);
INSERT INTO public.sales VALUES (119, 'cust-23', NULL, 103, '2025-11-17 09:30:00', 2);
INSERT INTO public.sales VALUES (120, 'cust-23', NULL, 111, '2025-10-23 09:30:00', 1);
INSERT INTO public.sales VALUES (120, 'cust-23', NULL, 103, '2025-10-23 09:30:00', 2);
INSERT INTO public.sales VALUES (121, 'cust-24', NULL, 106, '2026-02-08 09:30:00', 1);
INSERT INTO public.sales VALUES (122, 'cust-24', NULL, 114, '2026-01-22 09:30:00', 1);
INSERT INTO public.sales VALUES (122, 'cust-24', NULL, 102, '2026-01-22 09:30:00', 2);
INSERT INTO public.sales VALUES (123, 'cust-24', NULL, 112, '2025-12-16 09:30:00', 1);
INSERT INTO public.sales VALUES (124, 'cust-24', NULL, 108, '2025-11-10 09:30:00', 1);
INSERT INTO public.sales VALUES (125, 'cust-24', NULL, 118, '2025-10-22 09:30:00', 1);
INSERT INTO public.sales VALUES (125, 'cust-24', NULL, 102, '2025-10-22 09:30:00', 2);
INSERT INTO public.sales VALUES (126, 'cust-25', NULL, 107, '2026-02-08 09:30:00', 1);
INSERT INTO public.sales VALUES (126, 'cust-25', NULL, 101, '2026-02-08 09:30:00', 2);
INSERT INTO public.sales VALUES (127, 'cust-25', NULL, 119, '2026-01-06 09:30:00', 1);
INSERT INTO public.sales VALUES (128, 'cust-25', NULL, 117, '2025-12-03 09:30:00', 1);
INSERT INTO public.sales VALUES (128, 'cust-25', NULL, 101, '2025-12-03 09:30:00', 2);
INSERT INTO public.sales VALUES (129, 'cust-25', NULL, 105, '2025-11-08 09:30:00', 1);
INSERT INTO public.sales VALUES (129, 'cust-25', NULL, 101, '2025-11-08 09:30:00', 2);
INSERT INTO public.sales VALUES (130, 'cust-25', NULL, 115, '2025-10-07 09:30:00', 1);
INSERT INTO public.sales VALUES (131, 'cust-26', NULL, 118, '2026-02-18 09:30:00', 1);
INSERT INTO public.sales VALUES (131, 'cust-26', NULL, 102, '2026-02-18 09:30:00', 2);
INSERT INTO public.sales VALUES (132, 'cust-26', NULL, 116, '2026-01-02 09:30:00', 1);
INSERT INTO public.sales VALUES (132, 'cust-26', NULL, 102, '2026-01-02 09:30:00', 2);
INSERT INTO public.sales VALUES (133, 'cust-26', NULL, 106, '2025-12-02 09:30:00', 1);
INSERT INTO public.sales VALUES (133, 'cust-26', NULL, 102, '2025-12-02 09:30:00', 2);
INSERT INTO public.sales VALUES (134, 'cust-26', NULL, 104, '2025-11-24 09:30:00', 1);
INSERT INTO public.sales VALUES (135, 'cust-26', NULL, 108, '2025-10-21 09:30:00', 1);
INSERT INTO public.sales VALUES (135, 'cust-26', NULL, 102, '2025-10-21 09:30:00', 2);
INSERT INTO public.sales VALUES (136, 'cust-27', NULL, 109, '2026-01-27 09:30:00', 1);
INSERT INTO public.sales VALUES (136, 'cust-27', NULL, 103, '2026-01-27 09:30:00', 2);
INSERT INTO public.sales VALUES (137, 'cust-27', NULL, 107, '2026-01-04 09:30:00', 1);
INSERT INTO public.sales VALUES (138, 'cust-27', NULL, 117, '2025-12-09 09:30:00', 1);
INSERT INTO public.sales VALUES (139, 'cust-27', NULL, 113, '2025-11-05 09:30:00', 1);
INSERT INTO public.sales VALUES (140, 'cust-27', NULL, 105, '2025-10-25 09:30:00', 1);
INSERT INTO public.sales VALUES (140, 'cust-27', NULL, 103, '2025-10-25 09:30:00', 2);
INSERT INTO public.sales VALUES (141, 'cust-28', NULL, 108, '2026-01-27 09:30:00', 1);
INSERT INTO public.sales VALUES (141, 'cust-28', NULL, 102, '2026-01-27 09:30:00', 2);
INSERT INTO public.sales VALUES (142, 'cust-28', NULL, 104, '2026-01-09 09:30:00', 1);
INSERT INTO public.sales VALUES (143, 'cust-28', NULL, 114, '2025-12-09 09:30:00', 1);
INSERT INTO public.sales VALUES (143, 'cust-28', NULL, 102, '2025-12-09 09:30:00', 2);
INSERT INTO public.sales VALUES (144, 'cust-28', NULL, 106, '2025-11-14 09:30:00', 1);
INSERT INTO public.sales VALUES (145, 'cust-28', NULL, 118, '2025-10-17 09:30:00', 1);
INSERT INTO public.sales VALUES (145, 'cust-28', NULL, 102, '2025-10-17 09:30:00', 2);
INSERT INTO public.sales VALUES (146, 'cust-29', NULL, 109, '2026-02-02 09:30:00', 1);
INSERT INTO public.sales VALUES (146, 'cust-29', NULL, 103, '2026-02-02 09:30:00', 2);
INSERT INTO public.sales VALUES (147, 'cust-29', NULL, 119, '2026-01-01 09:30:00', 1);
INSERT INTO public.sales VALUES (147, 'cust-29', NULL, 103, '2026-01-01 09:30:00', 2);
INSERT INTO public.sales VALUES (148, 'cust-29', NULL, 111, '2025-12-22 09:30:00', 1);
INSERT INTO public.sales VALUES (148, 'cust-29', NULL, 103, '2025-12-22 09:30:00', 2);
INSERT INTO public.sales VALUES (149, 'cust-29', NULL, 105, '2025-11-24 09:30:00', 1);
INSERT INTO public.sales VALUES (149, 'cust-29', NULL, 103, '2025-11-24 09:30:00', 2);
INSERT INTO public.sales VALUES (150, 'cust-29', NULL, 115, '2025-10-05 09:30:00', 1);
INSERT INTO public.sales VALUES (150, 'cust-29', NULL, 103, '2025-10-05 09:30:00', 2);
INSERT INTO public.sales VALUES (151, 'cust-30', NULL, 108, '2026-02-20 09:30:00', 1);
INSERT INTO public.sales VALUES (151, 'cust-30', NULL, 102, '2026-02-20 09:30:00', 2);
INSERT INTO public.sales VALUES (152, 'cust-30', NULL, 112, '2026-01-13 09:30:00', 1);
INSERT INTO public.sales VALUES (152, 'cust-30', NULL, 102, '2026-01-13 09:30:00', 2);
INSERT INTO public.sales VALUES (153, 'cust-30', NULL, 104, '2025-12-06 09:30:00', 1);
INSERT INTO public.sales VALUES (154, 'cust-30', NULL, 106, '2025-11-07 09:30:00', 1);
INSERT INTO public.sales VALUES (155, 'cust-30', NULL, 110, '2025-10-24 09:30:00', 1);
INSERT INTO public.sales VALUES (155, 'cust-30', NULL, 102, '2025-10-24 09:30:00', 2);
INSERT INTO public.sales VALUES (156, 'cust-31', NULL, 119, '2026-02-03 09:30:00', 1);
INSERT INTO public.sales VALUES (157, 'cust-31', NULL, 107, '2025-12-31 09:30:00', 1);
INSERT INTO public.sales VALUES (158, 'cust-31', NULL, 115, '2025-12-18 09:30:00', 1);
INSERT INTO public.sales VALUES (159, 'cust-31', NULL, 111, '2025-11-21 09:30:00', 1);
INSERT INTO public.sales VALUES (159, 'cust-31', NULL, 103, '2025-11-21 09:30:00', 2);
INSERT INTO public.sales VALUES (160, 'cust-31', NULL, 109, '2025-10-29 09:30:00', 1);
INSERT INTO public.sales VALUES (161, 'cust-32', NULL, 108, '2026-01-29 09:30:00', 1);
INSERT INTO public.sales VALUES (161, 'cust-32', NULL, 102, '2026-01-29 09:30:00', 2);
INSERT INTO public.sales VALUES (162, 'cust-32', NULL, 112, '2026-01-06 09:30:00', 1);
INSERT INTO public.sales VALUES (162, 'cust-32', NULL, 102, '2026-01-06 09:30:00', 2);
INSERT INTO public.sales VALUES (163, 'cust-32', NULL, 106, '2025-12-04 09:30:00', 1);
INSERT INTO public.sales VALUES (164, 'cust-32', NULL, 118, '2025-11-14 09:30:00', 1);
INSERT INTO public.sales VALUES (164, 'cust-32', NULL, 102, '2025-11-14 09:30:00', 2);
INSERT INTO public.sales VALUES (165, 'cust-32', NULL, 116, '2025-10-04 09:30:00', 1);
INSERT INTO public.sales VALUES (165, 'cust-32', NULL, 102, '2025-10-04 09:30:00', 2);
INSERT INTO public.sales VALUES (166, 'cust-33', NULL, 109, '2026-02-02 09:30:00', 1);
INSERT INTO public.sales VALUES (167, 'cust-33', NULL, 107, '2025-12-29 09:30:00', 1);
INSERT INTO public.sales VALUES (167, 'cust-33', NULL, 103, '2025-12-29 09:30:00', 2);
INSERT INTO public.sales VALUES (168, 'cust-33', NULL, 119, '2025-12-05 09:30:00', 1);
INSERT INTO public.sales VALUES (168, 'cust-33', NULL, 103, '2025-12-05 09:30:00', 2);
INSERT INTO public.sales VALUES (169, 'cust-33', NULL, 111, '2025-11-08 09:30:00', 1);
INSERT INTO public.sales VALUES (169, 'cust-33', NULL, 103, '2025-11-08 09:30:00', 2);
INSERT INTO public.sales VALUES (170, 'cust-33', NULL, 117, '2025-10-15 09:30:00', 1);
INSERT INTO public.sales VALUES (171, NULL, 'guest0@shop.example', 106, '2026-01-28 09:30:00', 1);
INSERT INTO public.sales VALUES (172, NULL, 'guest0@shop.example', 116, '2026-01-19 09:30:00', 1);
INSERT INTO public.sales VALUES (173, NULL, 'guest0@shop.example', 108, '2025-12-07 09:30:00', 1);
INSERT INTO public.sales VALUES (174, NULL, 'guest0@shop.example', 104, '2025-11-07 09:30:00', 1);
INSERT INTO public.sales VALUES (175, NULL, 'guest0@shop.example', 114, '2025-10-29 09:30:00', 1);
INSERT INTO public.sales VALUES (175, NULL, 'guest0@shop.example', 100, '2025-10-29 09:30:00', 2);
INSERT INTO public.sales VALUES (176, NULL, 'guest1@shop.example', 117, '2026-02-10 09:30:00', 1);
INSERT INTO public.sales VALUES (176, NULL, 'guest1@shop.example', 101, '2026-02-10 09:30:00', 2);
INSERT INTO public.sales VALUES (177, NULL, 'guest1@shop.example', 119, '2026-01-04 09:30:00', 1);
INSERT INTO public.sales VALUES (178, NULL, 'guest1@shop.example', 111, '2025-12-20 09:30:00', 1);
INSERT INTO public.sales VALUES (178, NULL, 'guest1@shop.example', 101, '2025-12-20 09:30:00', 2);
INSERT INTO public.sales VALUES (179, NULL, 'guest1@shop.example', 115, '2025-11-09 09:30:00', 1);
INSERT INTO public.sales VALUES (179, NULL, 'guest1@shop.example', 101, '2025-11-09 09:30:00', 2);
INSERT INTO public.sales VALUES (180, NULL, 'guest1@shop.example', 107, '2025-10-28 09:30:00', 1);
INSERT INTO public.sales VALUES (181, NULL, 'guest2@shop.example', 110, '2026-02-14 09:30:00', 1);
INSERT INTO public.sales VALUES (181, NULL, 'guest2@shop.example', 102, '2026-02-14 09:30:00', 2);
INSERT INTO public.sales VALUES (182, NULL, 'guest2@shop.example', 118, '2026-01-05 09:30:00', 1);
INSERT INTO public.sales VALUES (182, NULL, 'guest2@shop.example', 102, '2026-01-05 09:30:00', 2);
INSERT INTO public.sales VALUES (183, NULL, 'guest2@shop.example', 114, '2025-12-06 09:30:00', 1);
INSERT INTO public.sales VALUES (184, NULL, 'guest2@shop.example', 112, '2025-11-21 09:30:00', 1);
INSERT INTO public.sales VALUES (185, NULL, 'guest2@shop.example', 104, '2025-10-25 09:30:00', 1);
INSERT INTO public.sales VALUES (185, NULL, 'guest2@shop.example', 102, '2025-10-25 09:30:00', 2);
INSERT INTO public.sales VALUES (186, NULL, 'guest2@shop.example', 104, '2026-02-20 09:30:00', -1);
INSERT INTO public.similar_items VALUES (100, 1, 106, 1);
INSERT INTO public.similar_items VALUES (100, 2, 112, 0.982);
INSERT INTO public.similar_items VALUES (100, 3, 110, 0.53);
INSERT INTO public.similar_items VALUES (101, 1, 117, 1);
INSERT INTO public.similar_items VALUES (101, 2, 115, 0.874);
INSERT INTO public.similar_items VALUES (101, 3, 107, 0.727);
INSERT INTO public.similar_items VALUES (102, 1, 108, 1);
INSERT INTO public.similar_items VALUES (102, 2, 104, 0.89);
INSERT INTO public.similar_items VALUES (102, 3, 106, 0.817);
INSERT INTO public.similar_items VALUES (103, 1, 111, 1);
INSERT INTO public.similar_items VALUES (103, 2, 107, 0.749);
INSERT INTO public.similar_items VALUES (103, 3, 105, 0.628);
INSERT INTO public.similar_items VALUES (104, 1, 106, 1);
INSERT INTO public.similar_items VALUES (104, 2, 108, 0.964);
INSERT INTO public.similar_items VALUES (104, 3, 102, 0.936);
INSERT INTO public.similar_items VALUES (105, 1, 115, 1);
INSERT INTO public.similar_items VALUES (105, 2, 107, 0.98);
INSERT INTO public.similar_items VALUES (105, 3, 111, 0.973);
INSERT INTO public.similar_items VALUES (106, 1, 108, 1);
INSERT INTO public.similar_items VALUES (106, 2, 104, 0.972);
INSERT INTO public.similar_items VALUES (106, 3, 102, 0.835);
INSERT INTO public.similar_items VALUES (107, 1, 113, 1);
INSERT INTO public.similar_items VALUES (107, 2, 103, 0.886);
INSERT INTO public.similar_items VALUES (107, 3, 105, 0.858);
INSERT INTO public.similar_items VALUES (108, 1, 102, 1);
INSERT INTO public.similar_items VALUES (108, 2, 106, 0.979);
INSERT INTO public.similar_items VALUES (108, 3, 104, 0.918);
INSERT INTO public.similar_items VALUES (109, 1, 107, 1);
INSERT INTO public.similar_items VALUES (109, 2, 103, 0.888);
INSERT INTO public.similar_items VALUES (109, 3, 105, 0.841);
INSERT INTO public.similar_items VALUES (110, 1, 118, 1);
INSERT INTO public.similar_items VALUES (110, 2, 112, 0.849);
INSERT INTO public.similar_items VALUES (110, 3, 102, 0.695);
INSERT INTO public.similar_items VALUES (111, 1, 103, 1);
INSERT INTO public.similar_items VALUES (111, 2, 113, 0.829);
INSERT INTO public.similar_items VALUES (111, 3, 105, 0.72);
INSERT INTO public.similar_items VALUES (112, 1, 106, 1);
INSERT INTO public.similar_items VALUES (112, 2, 102, 0.691);
INSERT INTO public.similar_items VALUES (112, 3, 118, 0.676);
INSERT INTO public.similar_items VALUES (113, 1, 107, 1);
INSERT INTO public.similar_items VALUES (113, 2, 111, 0.981);
INSERT INTO public.similar_items VALUES (113, 3, 117, 0.829);
INSERT INTO public.similar_items VALUES (114, 1, 104, 1);
INSERT INTO public.similar_items VALUES (114, 2, 102, 0.962);
INSERT INTO public.similar_items VALUES (114, 3, 106, 0.94);
INSERT INTO public.similar_items VALUES (115, 1, 105, 1);
INSERT INTO public.similar_items VALUES (115, 2, 101, 0.945);
INSERT INTO public.similar_items VALUES (115, 3, 111, 0.907);
INSERT INTO public.similar_items VALUES (116, 1, 102, 1);
INSERT INTO public.similar_items VALUES (116, 2, 106, 0.704);
INSERT INTO public.similar_items VALUES (116, 3, 118, 0.659);
INSERT INTO public.similar_items VALUES (117, 1, 101, 1);
INSERT INTO public.similar_items VALUES (117, 2, 113, 0.876);
INSERT INTO public.similar_items VALUES (117, 3, 107, 0.787);
INSERT INTO public.similar_items VALUES (118, 1, 102, 1);
INSERT INTO public.similar_items VALUES (118, 2, 110, 0.834);
INSERT INTO public.similar_items VALUES (118, 3, 112, 0.789);
INSERT INTO public.similar_items VALUES (119, 1, 109, 1);
INSERT INTO public.similar_items VALUES (119, 2, 107, 0.922);
INSERT INTO public.similar_items VALUES (119, 3, 115, 0.912);
ALTER TABLE ONLY public.bought_together
    ADD CONSTRAINT bought_together_pkey PRIMARY KEY (item_id, "position");
ALTER TABLE ONLY public.buy_again
    ADD CONSTRAINT buy_again_pkey PRIMARY KEY (customer_id, "position");
ALTER TABLE ONLY public.forgotten_customers
    ADD CONSTRAINT forgotten_customers_pkey PRIMARY KEY (customer_hash);
ALTER TABLE ONLY public.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (item_id);
ALTER TABLE ONLY public.popular_items
    ADD CONSTRAINT popular_items_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY public.recommendation_runs
    ADD CONSTRAINT recommendation_runs_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.recommendation_runs
    ADD CONSTRAINT recommendation_runs_published_seq_key UNIQUE (published_seq);
ALTER TABLE ONLY public.recommendations
    ADD CONSTRAINT recommendations_pkey PRIMARY KEY (customer_id, "position");
ALTER TABLE ONLY public.similar_items
    ADD CONSTRAINT similar_items_pkey PRIMARY KEY (item_id, "position");

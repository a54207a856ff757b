-- WooCommerce as the tests need it: own transcription of its tables, with the names and types of the real ones, and a
-- row or more for everything that a query for it may get wrong. Table prefix wp_; the site's zone is Europe/Paris.
CREATE TABLE wp_options (option_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, option_name VARCHAR(191) NOT NULL UNIQUE, option_value LONGTEXT NOT NULL);
CREATE TABLE wp_users (ID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_login VARCHAR(60) NOT NULL, user_pass VARCHAR(255) NOT NULL, user_email VARCHAR(100) NOT NULL, KEY user_email (user_email));
CREATE TABLE wp_posts (ID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, post_date DATETIME NOT NULL, post_date_gmt DATETIME NOT NULL, post_title TEXT NOT NULL, post_status VARCHAR(20) NOT NULL DEFAULT 'publish', post_password VARCHAR(255) NOT NULL DEFAULT '', post_parent BIGINT UNSIGNED NOT NULL DEFAULT 0, post_type VARCHAR(20) NOT NULL DEFAULT 'post', KEY type_status_date (post_type, post_status, post_date, ID), KEY post_parent (post_parent));
CREATE TABLE wp_postmeta (meta_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, post_id BIGINT UNSIGNED NOT NULL, meta_key VARCHAR(255), meta_value LONGTEXT, KEY post_id (post_id), KEY meta_key (meta_key(191)));
CREATE TABLE wp_terms (term_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(200) NOT NULL, slug VARCHAR(200) NOT NULL, KEY slug (slug(191)), KEY name (name(191)));
CREATE TABLE wp_term_taxonomy (term_taxonomy_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, term_id BIGINT UNSIGNED NOT NULL, taxonomy VARCHAR(32) NOT NULL, UNIQUE KEY term_id_taxonomy (term_id, taxonomy), KEY taxonomy (taxonomy));
CREATE TABLE wp_term_relationships (object_id BIGINT UNSIGNED NOT NULL, term_taxonomy_id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (object_id, term_taxonomy_id), KEY term_taxonomy_id (term_taxonomy_id));
CREATE TABLE wp_woocommerce_order_items (order_item_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, order_item_name TEXT NOT NULL, order_item_type VARCHAR(200) NOT NULL, order_id BIGINT UNSIGNED NOT NULL, KEY order_id (order_id));
CREATE TABLE wp_woocommerce_order_itemmeta (meta_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, order_item_id BIGINT UNSIGNED NOT NULL, meta_key VARCHAR(255), meta_value LONGTEXT, KEY order_item_id (order_item_id), KEY meta_key (meta_key(32)));
CREATE TABLE wp_wc_orders (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, status VARCHAR(20), currency VARCHAR(10), type VARCHAR(20), total_amount DECIMAL(26,8), customer_id BIGINT UNSIGNED, billing_email VARCHAR(320), date_created_gmt DATETIME, parent_order_id BIGINT UNSIGNED, KEY type_status_date (type, status, date_created_gmt), KEY date_created (date_created_gmt));

INSERT INTO wp_options (option_name, option_value) VALUES ('woocommerce_version', '9.4.2'), ('timezone_string', 'Europe/Paris'), ('woocommerce_custom_orders_table_enabled', 'yes'), ('home', 'https://teas.example/shop/'), ('siteurl', 'https://teas.example/shop'), ('upload_url_path', '');
INSERT INTO wp_users VALUES (1, 'anna', '$P$secret', 'anna@example.com'), (2, 'ben', '$P$secret', 'Ben@Example.com'), (3, 'cleo', '$P$secret', 'cleo@example.com');
INSERT INTO wp_posts (ID, post_date, post_date_gmt, post_title, post_status, post_password, post_type) VALUES
    (10, '2024-01-01 09:00:00', '2024-01-01 08:00:00', 'Assam', 'publish', '', 'product'),
    (11, '2024-01-01', '2024-01-01', 'Tea pot', 'publish', '', 'product'),
    (12, '2024-01-01', '2024-01-01', 'Tea pot, red', 'publish', '', 'product_variation'),
    (13, '2024-01-01', '0000-00-00', 'Withdrawn', 'draft', '', 'product'),
    (14, '2024-01-01', '2024-01-01', 'Binned', 'trash', '', 'product'),
    (15, '2024-01-01', '2024-01-01', 'Hidden', 'publish', '', 'product'),
    (16, '2024-01-01', '2024-01-01', 'By search only', 'publish', '', 'product'),
    (17, '2024-01-01', '2024-01-01', 'For members', 'publish', 'word', 'product'),
    (18, '2024-01-01', '2024-01-01', 'Sold out', 'publish', '', 'product'),
    (19, '2024-01-01', '2024-01-01', 'Begun', 'auto-draft', '', 'product'),
    (20, '2024-01-01', '2024-01-01', 'Gift box', 'publish', '', 'product'),
    (30, '2024-01-01', '2024-01-01', 'Leaves', 'inherit', '', 'attachment'),
    (31, '2024-01-01', '2024-01-01', 'Cup', 'inherit', '', 'attachment');
INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES (10, '_stock_status', 'instock'), (11, '_stock_status', 'onbackorder'), (18, '_stock_status', 'outofstock'), (18, '_sku', 'x');
-- A price that is reduced now, one of each variation, and none; an image beside those of the gallery, and one that is gone.
INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES (10, '_regular_price', '5'), (10, '_sale_price', '4.5'), (10, '_price', '4.5'), (11, '_price', '120'), (11, '_price', '20.95'), (13, '_price', ''),
    (10, '_product_image_gallery', '31'), (10, '_thumbnail_id', '30'), (11, '_thumbnail_id', '99'), (30, '_wp_attached_file', '2024/01/leaves.jpg'), (31, '_wp_attached_file', '2024/01/cup.jpg');
INSERT INTO wp_terms VALUES (1, 'exclude-from-catalog', 'exclude-from-catalog'), (2, 'exclude-from-search', 'exclude-from-search'), (3, 'featured', 'featured'), (4, 'Tea', 'tea'), (5, 'Gifts &amp; more', 'gifts'), (6, 'Meadow &amp; Sons', 'meadow'), (7, 'Zeta', 'zeta'), (8, 'new', 'new');
INSERT INTO wp_term_taxonomy VALUES (1, 1, 'product_visibility'), (2, 2, 'product_visibility'), (3, 3, 'product_visibility'), (14, 4, 'product_cat'), (13, 5, 'product_cat'), (16, 6, 'product_brand'), (15, 7, 'product_brand'), (12, 8, 'product_tag');
INSERT INTO wp_term_relationships VALUES (15, 1), (15, 2), (16, 1), (10, 3), (11, 2), (10, 13), (10, 14), (10, 15), (10, 16), (10, 12), (11, 13), (13, 12);

-- Times beside :since, 2024-03-01 01:30 UTC, which is 02:30 in Paris.
INSERT INTO wp_wc_orders (id, status, type, customer_id, billing_email, date_created_gmt, parent_order_id, currency) VALUES
    (100, 'wc-completed', 'shop_order', 1, 'anna@example.com', '2024-03-05 10:00:00', NULL, 'EUR'),          -- sold
    (101, 'wc-processing', 'shop_order', 2, 'ben@example.com', '2024-03-06 10:00:00', NULL, 'EUR'),          -- paid
    (102, 'wc-pending', 'shop_order', 1, 'anna@example.com', '2024-03-06 10:00:00', NULL, 'EUR'),            -- not paid
    (103, 'wc-cancelled', 'shop_order', 1, 'anna@example.com', '2024-03-06 10:00:00', NULL, 'EUR'),          -- cancelled
    (104, 'wc-failed', 'shop_order', 1, 'anna@example.com', '2024-03-06 10:00:00', NULL, 'EUR'),             -- failed
    (105, 'trash', 'shop_order', 1, 'anna@example.com', '2024-03-06 10:00:00', NULL, 'EUR'),                 -- binned
    (106, 'wc-refunded', 'shop_order', 1, 'anna@example.com', '2024-03-07 10:00:00', NULL, 'EUR'),           -- all back
    (107, 'wc-completed', 'shop_order_refund', NULL, NULL, '2024-03-08 10:00:00', 106, 'EUR'),
    (108, 'wc-completed', 'shop_order', 3, 'cleo@example.com', '2024-03-07 10:00:00', NULL, 'EUR'),          -- a part back
    (109, 'wc-completed', 'shop_order_refund', NULL, NULL, '2024-03-09 10:00:00', 108, 'EUR'),
    (110, 'wc-completed', 'shop_order_refund', NULL, NULL, '2024-03-09 11:00:00', 108, 'EUR'),               -- money only
    (111, 'wc-completed', 'shop_order', 0, 'Dora@Example.com ', '2024-03-10 10:00:00', NULL, 'EUR'),         -- a guest
    (112, 'wc-completed', 'shop_order', NULL, 'dora@example.com', '2024-03-11 10:00:00', NULL, 'EUR'),       -- again
    (113, 'wc-completed', 'shop_order', 0, 'BEN@example.com', '2024-03-12 10:00:00', NULL, 'EUR'),           -- has an account
    (114, 'wc-completed', 'shop_order', 0, '', '2024-03-12 10:00:00', NULL, 'EUR'),                          -- nobody
    (115, 'wc-completed', 'shop_order', 0, NULL, '2024-03-12 10:00:00', NULL, 'EUR'),                        -- nobody
    (116, 'wc-completed', 'shop_order', 1, 'anna@example.com', '2024-03-01 01:29:59', NULL, 'EUR'),          -- before
    (117, 'wc-completed', 'shop_order', 1, 'anna@example.com', '2024-03-01 01:30:00', NULL, 'EUR'),          -- in time
    (118, 'wc-completed', 'shop_order_refund', NULL, NULL, '2024-03-15 10:00:00', 116, 'EUR'),               -- of one before
    (119, 'wc-completed', 'shop_subscription', 1, 'anna@example.com', '2024-03-06 10:00:00', NULL, 'EUR');   -- a plugin's
-- With compatibility sync the posts are there too, under the same ids.
INSERT INTO wp_posts (ID, post_date, post_date_gmt, post_title, post_status, post_type, post_parent)
    SELECT id, date_created_gmt + INTERVAL 1 HOUR, date_created_gmt, 'Order', status, type, COALESCE(parent_order_id, 0) FROM wp_wc_orders;
INSERT INTO wp_postmeta (post_id, meta_key, meta_value) SELECT id, '_customer_user', COALESCE(customer_id, 0) FROM wp_wc_orders WHERE type = 'shop_order';
INSERT INTO wp_postmeta (post_id, meta_key, meta_value) SELECT id, '_billing_email', billing_email FROM wp_wc_orders WHERE type = 'shop_order' AND billing_email IS NOT NULL;

INSERT INTO wp_woocommerce_order_items VALUES
    (1000, 'Assam', 'line_item', 100), (1001, 'Tea pot, red', 'line_item', 100), (1002, 'Post', 'shipping', 100), (1003, 'VAT', 'tax', 100),
    (1010, 'Assam', 'line_item', 101), (1020, 'Assam', 'line_item', 102), (1030, 'Assam', 'line_item', 103), (1040, 'Assam', 'line_item', 104), (1050, 'Assam', 'line_item', 105),
    (1060, 'Assam', 'line_item', 106), (1070, 'Assam', 'line_item', 107),
    (1080, 'Tea pot, red', 'line_item', 108), (1081, 'Assam', 'line_item', 108), (1090, 'Tea pot, red', 'line_item', 109), (1100, 'Assam', 'line_item', 110),
    (1110, 'Assam', 'line_item', 111), (1120, 'Tea pot', 'line_item', 112), (1130, 'Tea pot', 'line_item', 113), (1140, 'Assam', 'line_item', 114), (1150, 'Assam', 'line_item', 115),
    (1160, 'Tea pot', 'line_item', 116), (1161, 'Gift box', 'line_item', 116), (1170, 'Gift box', 'line_item', 117), (1171, 'Assam', 'line_item', 117), (1172, 'Sample', 'line_item', 117), (1173, 'Gone', 'line_item', 117),
    (1180, 'Tea pot', 'line_item', 118), (1190, 'Assam', 'line_item', 119);
INSERT INTO wp_woocommerce_order_itemmeta (order_item_id, meta_key, meta_value) VALUES
    (1000, '_product_id', '10'), (1000, '_variation_id', '0'), (1000, '_qty', '2'), (1000, '_line_total', '9.00'), (1000, '_line_tax', '1.80'),
    (1001, '_product_id', '11'), (1001, '_variation_id', '12'), (1001, '_qty', '1'), (1001, '_line_total', '20'),
    (1002, 'cost', '5'), (1003, 'tax_amount', '1'),
    (1010, '_product_id', '10'), (1010, '_qty', '3'), (1010, '_line_total', '13.50'),
    (1020, '_product_id', '10'), (1020, '_qty', '1'), (1020, '_line_total', '4'), (1030, '_product_id', '10'), (1030, '_qty', '1'), (1030, '_line_total', '4'),
    (1040, '_product_id', '10'), (1040, '_qty', '1'), (1040, '_line_total', '4'), (1050, '_product_id', '10'), (1050, '_qty', '1'), (1050, '_line_total', '4'),
    (1060, '_product_id', '10'), (1060, '_qty', '1'), (1060, '_line_total', '4'),
    (1070, '_product_id', '10'), (1070, '_qty', '-1'), (1070, '_line_total', '-4'), (1070, '_refunded_item_id', '1060'),
    (1080, '_product_id', '11'), (1080, '_variation_id', '12'), (1080, '_qty', '3'), (1080, '_line_total', '60'),
    (1081, '_product_id', '10'), (1081, '_qty', '1'), (1081, '_line_total', '4'),
    (1090, '_product_id', '11'), (1090, '_variation_id', '12'), (1090, '_qty', '-2'), (1090, '_line_total', '-40'), (1090, '_refunded_item_id', '1080'),
    (1100, '_product_id', '10'), (1100, '_qty', '0'), (1100, '_line_total', '-2'), (1100, '_refunded_item_id', '1081'),
    (1110, '_product_id', '10'), (1110, '_qty', '1'), (1110, '_line_total', '4'), (1120, '_product_id', '11'), (1120, '_qty', '1'), (1120, '_line_total', '20'),
    (1130, '_product_id', '11'), (1130, '_qty', '1'), (1130, '_line_total', '20'), (1140, '_product_id', '10'), (1140, '_qty', '1'), (1140, '_line_total', '4'),
    (1150, '_product_id', '10'), (1150, '_qty', '1'), (1150, '_line_total', '4'), (1161, '_product_id', '20'), (1161, '_qty', '1'), (1161, '_line_total', '30'), (1160, '_product_id', '11'), (1160, '_qty', '1'), (1160, '_line_total', '20'),
    (1170, '_product_id', '20'), (1170, '_qty', '1'), (1170, '_line_total', '30'),
    (1171, '_product_id', '10'), (1171, '_qty', '2'), (1171, '_line_total', '0'), (1171, '_bundled_by', 'abc'),
    (1172, '_product_id', '13'), (1172, '_qty', '1'), (1172, '_line_total', '0'),
    (1173, '_product_id', '99'), (1173, '_qty', '1'), (1173, '_line_total', '7'),
    (1180, '_product_id', '11'), (1180, '_qty', '-1'), (1180, '_line_total', '-20'), (1180, '_refunded_item_id', '1160'),
    (1190, '_product_id', '10'), (1190, '_qty', '1'), (1190, '_line_total', '4');

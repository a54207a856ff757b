-- Magento 2 Open Source as the tests need it: own transcription of its tables, with the names and types of the real
-- ones, and a row or more for everything that a query for it may get wrong. No prefix; times are TIMESTAMPs in UTC.
SET time_zone = '+00:00';
CREATE TABLE setup_module (module VARCHAR(50) NOT NULL PRIMARY KEY, schema_version VARCHAR(50));
CREATE TABLE core_config_data (config_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, scope VARCHAR(8) NOT NULL DEFAULT 'default', scope_id INT NOT NULL DEFAULT 0, path VARCHAR(255) NOT NULL, value TEXT);
CREATE TABLE store (store_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY, code VARCHAR(32), website_id SMALLINT UNSIGNED NOT NULL, name VARCHAR(255) NOT NULL, is_active SMALLINT UNSIGNED NOT NULL DEFAULT 1);
CREATE TABLE eav_entity_type (entity_type_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY, entity_type_code VARCHAR(50) NOT NULL);
CREATE TABLE eav_attribute (attribute_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY, entity_type_id SMALLINT UNSIGNED NOT NULL, attribute_code VARCHAR(255) NOT NULL);
CREATE TABLE customer_entity (entity_id INT UNSIGNED NOT NULL PRIMARY KEY, website_id SMALLINT UNSIGNED, email VARCHAR(255), password_hash VARCHAR(128) DEFAULT 'secret');
CREATE TABLE catalog_product_entity (entity_id INT UNSIGNED NOT NULL PRIMARY KEY, type_id VARCHAR(32) NOT NULL DEFAULT 'simple', sku VARCHAR(64) NOT NULL, created_at TIMESTAMP NOT NULL DEFAULT '2023-05-01 12:00:00');
CREATE TABLE catalog_product_entity_varchar (value_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, attribute_id SMALLINT UNSIGNED NOT NULL, store_id SMALLINT UNSIGNED NOT NULL, entity_id INT UNSIGNED NOT NULL, value VARCHAR(255), UNIQUE KEY e (entity_id, attribute_id, store_id));
CREATE TABLE catalog_product_entity_int (value_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, attribute_id SMALLINT UNSIGNED NOT NULL, store_id SMALLINT UNSIGNED NOT NULL, entity_id INT UNSIGNED NOT NULL, value INT, UNIQUE KEY e (entity_id, attribute_id, store_id));
CREATE TABLE catalog_product_entity_decimal (value_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, attribute_id SMALLINT UNSIGNED NOT NULL, store_id SMALLINT UNSIGNED NOT NULL, entity_id INT UNSIGNED NOT NULL, value DECIMAL(12,4), UNIQUE KEY e (entity_id, attribute_id, store_id));
CREATE TABLE catalog_product_index_price (entity_id INT UNSIGNED NOT NULL, customer_group_id INT UNSIGNED NOT NULL, website_id SMALLINT UNSIGNED NOT NULL, price DECIMAL(12,4), final_price DECIMAL(12,4), min_price DECIMAL(12,4), max_price DECIMAL(12,4), PRIMARY KEY (entity_id, customer_group_id, website_id));
CREATE TABLE catalog_category_entity (entity_id INT UNSIGNED NOT NULL PRIMARY KEY, parent_id INT UNSIGNED NOT NULL DEFAULT 0, level INT NOT NULL DEFAULT 0);
CREATE TABLE catalog_category_entity_varchar (value_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, attribute_id SMALLINT UNSIGNED NOT NULL, store_id SMALLINT UNSIGNED NOT NULL, entity_id INT UNSIGNED NOT NULL, value VARCHAR(255), UNIQUE KEY e (entity_id, attribute_id, store_id));
CREATE TABLE catalog_category_product (entity_id INT NOT NULL AUTO_INCREMENT, category_id INT UNSIGNED NOT NULL, product_id INT UNSIGNED NOT NULL, position INT NOT NULL DEFAULT 0, PRIMARY KEY (entity_id, category_id, product_id), UNIQUE KEY c (category_id, product_id), KEY p (product_id));
CREATE TABLE eav_attribute_option_value (value_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, option_id INT UNSIGNED NOT NULL DEFAULT 0, store_id SMALLINT UNSIGNED NOT NULL DEFAULT 0, value VARCHAR(255), KEY option_id (option_id), KEY store_id (store_id));
CREATE TABLE catalog_product_super_link (link_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, product_id INT UNSIGNED NOT NULL, parent_id INT UNSIGNED NOT NULL);
CREATE TABLE catalog_product_website (product_id INT UNSIGNED NOT NULL, website_id SMALLINT UNSIGNED NOT NULL, PRIMARY KEY (product_id, website_id));
CREATE TABLE cataloginventory_stock_status (product_id INT UNSIGNED NOT NULL, website_id SMALLINT UNSIGNED NOT NULL, stock_id SMALLINT UNSIGNED NOT NULL, qty DECIMAL(12,4) NOT NULL DEFAULT 0, stock_status SMALLINT UNSIGNED NOT NULL, PRIMARY KEY (product_id, website_id, stock_id));
CREATE TABLE sales_order (entity_id INT UNSIGNED NOT NULL PRIMARY KEY, state VARCHAR(32), status VARCHAR(32), store_id SMALLINT UNSIGNED, customer_id INT UNSIGNED, customer_is_guest SMALLINT UNSIGNED, customer_email VARCHAR(128), created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, KEY created_at (created_at));
CREATE TABLE sales_order_item (item_id INT UNSIGNED NOT NULL PRIMARY KEY, order_id INT UNSIGNED NOT NULL DEFAULT 0, parent_item_id INT UNSIGNED, store_id SMALLINT UNSIGNED, product_id INT UNSIGNED, product_type VARCHAR(255), sku VARCHAR(255), name VARCHAR(255), qty_ordered DECIMAL(12,4) DEFAULT 0, qty_invoiced DECIMAL(12,4) DEFAULT 0, qty_refunded DECIMAL(12,4) DEFAULT 0, base_price DECIMAL(12,4) NOT NULL DEFAULT 0, KEY order_id (order_id));

INSERT INTO setup_module VALUES ('Magento_Sales', '2.0.14');
INSERT INTO core_config_data (scope, scope_id, path, value) VALUES ('default', 0, 'general/locale/timezone', 'America/New_York'), ('default', 0, 'web/unsecure/base_url', 'http://teas.example/'), ('default', 0, 'web/secure/base_url', 'https://teas.example/'), ('stores', 2, 'web/secure/base_url', 'https://thes.example/'), ('default', 0, 'web/secure/base_media_url', '{{secure_base_url}}media/');
INSERT INTO store VALUES (0, 'admin', 0, 'Admin', 1), (1, 'en', 1, 'English', 1), (2, 'fr', 1, 'Français', 1), (3, 'b2b', 2, 'Trade', 1);
INSERT INTO eav_entity_type VALUES (3, 'catalog_category'), (4, 'catalog_product');
INSERT INTO eav_attribute VALUES (45, 3, 'name'), (73, 4, 'name'), (97, 4, 'status'), (99, 4, 'visibility'), (84, 4, 'meta_title'), (77, 4, 'price'), (78, 4, 'special_price'), (83, 4, 'manufacturer'), (87, 4, 'image'), (88, 4, 'small_image'), (46, 3, 'url_key');
INSERT INTO customer_entity (entity_id, website_id, email) VALUES (1, 1, 'anna@example.com'), (2, 1, 'Ben@Example.com');
INSERT INTO catalog_product_entity (entity_id, type_id, sku) VALUES (10, 'simple', 'A'), (11, 'configurable', 'P'), (12, 'simple', 'P-R'), (13, 'simple', 'OFF'), (14, 'bundle', 'BOX'), (15, 'simple', 'PAGE'), (16, 'simple', 'ELSE'), (17, 'simple', 'SEARCH'), (18, 'simple', 'OUT');
INSERT INTO catalog_product_entity_varchar (attribute_id, store_id, entity_id, value) VALUES (73, 0, 10, 'Assam'), (73, 2, 10, 'Thé d''Assam'), (84, 0, 10, 'Buy Assam'), (73, 0, 11, 'Pot'), (73, 0, 12, 'Pot, red'), (73, 0, 13, 'Off'), (73, 0, 14, 'Box'), (73, 0, 15, 'Pot, blue'), (73, 0, 16, 'Elsewhere'), (73, 0, 17, 'By search');
INSERT INTO catalog_product_entity_int (attribute_id, store_id, entity_id, value) SELECT 97, 0, entity_id, CASE WHEN entity_id = 13 THEN 2 ELSE 1 END FROM catalog_product_entity;
INSERT INTO catalog_product_entity_int (attribute_id, store_id, entity_id, value) SELECT 99, 0, entity_id, CASE entity_id WHEN 12 THEN 1 WHEN 17 THEN 3 WHEN 11 THEN 2 ELSE 4 END FROM catalog_product_entity;
INSERT INTO catalog_product_entity_int (attribute_id, store_id, entity_id, value) VALUES (97, 2, 14, 2);
INSERT INTO catalog_product_super_link (product_id, parent_id) VALUES (12, 11), (15, 11);
INSERT INTO catalog_product_website SELECT entity_id, 1 FROM catalog_product_entity WHERE entity_id <> 16;
INSERT INTO catalog_product_website VALUES (16, 2), (10, 2);
INSERT INTO cataloginventory_stock_status SELECT entity_id, 0, 1, 5, CASE WHEN entity_id = 18 THEN 0 ELSE 1 END FROM catalog_product_entity;
-- A product in several categories, of which the first is the root of the store; names and prices for all stores and for
-- one; a price that is reduced now, one of the variants' and one of a trade customer; an image that is none.
UPDATE catalog_product_entity SET created_at = '2023-06-01 09:30:00' WHERE entity_id = 10;
INSERT INTO catalog_category_entity VALUES (1, 0, 0), (2, 1, 1), (5, 2, 2), (6, 5, 3);
INSERT INTO catalog_category_entity_varchar (attribute_id, store_id, entity_id, value) VALUES (45, 0, 2, 'Default'), (45, 0, 5, 'Tea'), (45, 2, 5, 'Thé'), (46, 0, 5, 'tea'), (45, 0, 6, 'Black tea'), (46, 0, 6, 'black');
INSERT INTO catalog_category_product (category_id, product_id) VALUES (6, 10), (5, 10), (2, 10), (6, 11), (2, 14);
INSERT INTO catalog_product_entity_int (attribute_id, store_id, entity_id, value) VALUES (83, 0, 10, 21), (83, 0, 11, 22);
INSERT INTO eav_attribute_option_value (option_id, store_id, value) VALUES (21, 0, 'Meadow'), (21, 2, 'Pré'), (22, 0, 'Zeta'), (1, 0, 'Red');
INSERT INTO catalog_product_entity_decimal (attribute_id, store_id, entity_id, value) VALUES (77, 0, 10, 5), (78, 0, 10, 4.5), (77, 0, 13, 9), (77, 2, 13, 8), (78, 0, 13, 1), (77, 0, 14, NULL);
INSERT INTO catalog_product_index_price (entity_id, customer_group_id, website_id, price, final_price, min_price, max_price) VALUES (10, 0, 1, 5, 4.5, 4.5, 4.5), (10, 3, 1, 5, 2, 2, 2), (10, 0, 2, 4.25, 4.25, 4.25, 4.25), (11, 0, 1, NULL, NULL, 20.95, 30);
INSERT INTO catalog_product_entity_varchar (attribute_id, store_id, entity_id, value) VALUES (87, 0, 10, '/a/s/assam.jpg'), (87, 2, 10, '/t/h/the.jpg'), (88, 0, 10, '/s/m/small.jpg'), (87, 0, 11, 'no_selection'), (87, 0, 13, '/o/f/off.jpg'), (87, 2, 13, 'no_selection');
-- :since is 2024-03-01 01:30 UTC.
INSERT INTO sales_order (entity_id, state, status, store_id, customer_id, customer_is_guest, customer_email, created_at) VALUES
    (100, 'complete', 'complete', 1, 1, 0, 'anna@example.com', '2024-03-05 10:00:00'), (101, 'processing', 'packing', 2, 2, 0, 'ben@example.com', '2024-03-06 10:00:00'),
    (102, 'new', 'pending', 1, 1, 0, 'anna@example.com', '2024-03-06 10:00:00'), (103, 'canceled', 'canceled', 1, 1, 0, 'anna@example.com', '2024-03-06 10:00:00'),
    (104, 'closed', 'closed', 1, 1, 0, 'anna@example.com', '2024-03-06 10:00:00'), (105, 'holded', 'holded', 1, 1, 0, 'anna@example.com', '2024-03-06 10:00:00'),
    (106, 'complete', 'complete', 1, NULL, 1, 'Dora@Example.com', '2024-03-07 10:00:00'), (107, 'complete', 'complete', 1, NULL, 1, 'dora@example.com', '2024-03-08 10:00:00'),
    (108, 'complete', 'complete', 1, NULL, 1, 'BEN@example.com', '2024-03-08 10:00:00'), (109, 'complete', 'complete', 1, NULL, 0, 'gone@example.com', '2024-03-08 10:00:00'),
    (110, 'complete', 'complete', 1, NULL, 1, NULL, '2024-03-08 10:00:00'), (111, 'complete', 'complete', NULL, 1, 0, 'anna@example.com', '2024-03-08 10:00:00'),
    (112, 'complete', 'complete', 1, 1, 0, 'anna@example.com', '2024-03-01 01:29:59'), (113, 'complete', 'complete', 1, 1, 0, 'anna@example.com', '2024-03-01 01:30:00'),
    (114, 'complete', 'complete', 3, 2, 0, 'ben@example.com', '2024-03-09 10:00:00');
INSERT INTO sales_order_item (item_id, order_id, parent_item_id, product_id, product_type, qty_ordered, qty_invoiced, qty_refunded, base_price) VALUES
    (1, 100, NULL, 10, 'simple', 2, 2, 0, 4), (2, 100, NULL, 11, 'configurable', 1, 1, 0, 20), (3, 100, 2, 12, 'simple', 1, 1, 0, 0), (4, 100, NULL, 14, 'bundle', 1, 1, 0, 30), (5, 100, 4, 10, 'simple', 3, 3, 0, 4), (6, 100, 4, 13, 'simple', 1, 1, 0, 9),
    (7, 101, NULL, 10, 'simple', 5, 3, 1, 4), (8, 101, NULL, 13, 'simple', 1, 0, 0, 9), (9, 101, NULL, 14, 'bundle', 1, 1, 1, 30),
    (10, 102, NULL, 10, 'simple', 1, 0, 0, 4), (11, 103, NULL, 10, 'simple', 1, 0, 0, 4), (12, 104, NULL, 10, 'simple', 1, 1, 0, 4), (13, 105, NULL, 10, 'simple', 1, 1, 0, 4),
    (14, 106, NULL, 10, 'simple', 1, 1, 0, 4), (15, 107, NULL, 12, 'simple', 1, 1, 0, 20), (16, 108, NULL, 15, 'simple', 1, 1, 0, 20), (17, 109, NULL, 10, 'simple', 1, 1, 0, 4), (18, 110, NULL, 10, 'simple', 1, 1, 0, 4),
    (19, 111, NULL, 13, 'simple', 1, 1, 0, 0), (20, 112, NULL, 17, 'simple', 1, 1, 0, 4), (21, 113, NULL, 99, 'simple', 1, 1, 0, 4), (22, 113, NULL, NULL, 'simple', 1, 1, 0, 4), (23, 114, NULL, 16, 'simple', 1, 1, 0, 4);

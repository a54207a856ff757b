-- OpenCart 4.0 as the tests need it: own transcription of its tables, with the names and types of the real ones, and a
-- row or more for everything that a query for it may get wrong. Prefix oc_; the shop's zone is Asia/Kolkata.
CREATE TABLE oc_setting (setting_id INT(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, store_id INT(11) NOT NULL DEFAULT 0, code VARCHAR(128) NOT NULL DEFAULT 'config', `key` VARCHAR(128) NOT NULL, value TEXT NOT NULL, serialized TINYINT(1) NOT NULL DEFAULT 0);
CREATE TABLE oc_store (store_id INT(11) NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL, url VARCHAR(255) NOT NULL);
CREATE TABLE oc_language (language_id INT(11) NOT NULL PRIMARY KEY, name VARCHAR(32) NOT NULL, code VARCHAR(5) NOT NULL);
CREATE TABLE oc_customer (customer_id INT(11) NOT NULL PRIMARY KEY, email VARCHAR(96) NOT NULL, password VARCHAR(255) NOT NULL DEFAULT 'secret', status TINYINT(1) NOT NULL DEFAULT 1);
CREATE TABLE oc_order (order_id INT(11) NOT NULL PRIMARY KEY, store_id INT(11) NOT NULL DEFAULT 0, customer_id INT(11) NOT NULL DEFAULT 0, email VARCHAR(96) NOT NULL, order_status_id INT(11) NOT NULL DEFAULT 0, language_id INT(11) NOT NULL DEFAULT 1, date_added DATETIME NOT NULL);
CREATE TABLE oc_order_product (order_product_id INT(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, order_id INT(11) NOT NULL, product_id INT(11) NOT NULL, master_id INT(11) NOT NULL DEFAULT 0, name VARCHAR(255) NOT NULL, quantity INT(4) NOT NULL, price DECIMAL(15,4) NOT NULL DEFAULT 0, KEY order_id (order_id));
CREATE TABLE oc_order_status (order_status_id INT(11) NOT NULL, language_id INT(11) NOT NULL, name VARCHAR(32) NOT NULL, PRIMARY KEY (order_status_id, language_id));
CREATE TABLE oc_product (product_id INT(11) NOT NULL PRIMARY KEY, master_id INT(11) NOT NULL DEFAULT 0, model VARCHAR(64) NOT NULL DEFAULT '', manufacturer_id INT(11) NOT NULL DEFAULT 0, image VARCHAR(255), price DECIMAL(15,4) NOT NULL DEFAULT 0, status TINYINT(1) NOT NULL DEFAULT 1, date_available DATE NOT NULL DEFAULT '2024-01-01', date_added DATETIME NOT NULL DEFAULT '2023-05-01 12:00:00', quantity INT(4) NOT NULL DEFAULT 5);
CREATE TABLE oc_product_description (product_id INT(11) NOT NULL, language_id INT(11) NOT NULL, name VARCHAR(255) NOT NULL, PRIMARY KEY (product_id, language_id));
CREATE TABLE oc_product_to_store (product_id INT(11) NOT NULL, store_id INT(11) NOT NULL, PRIMARY KEY (product_id, store_id));
CREATE TABLE oc_product_to_category (product_id INT(11) NOT NULL, category_id INT(11) NOT NULL, PRIMARY KEY (product_id, category_id), KEY category_id (category_id));
CREATE TABLE oc_category_description (category_id INT(11) NOT NULL, language_id INT(11) NOT NULL, name VARCHAR(255) NOT NULL, PRIMARY KEY (category_id, language_id), KEY name (name));
CREATE TABLE oc_manufacturer (manufacturer_id INT(11) NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL);
CREATE TABLE oc_return (return_id INT(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, order_id INT(11) NOT NULL, product_id INT(11) NOT NULL, customer_id INT(11) NOT NULL, quantity INT(4) NOT NULL, return_status_id INT(11) NOT NULL, return_action_id INT(11) NOT NULL, date_added DATETIME NOT NULL DEFAULT '2024-03-20');
CREATE TABLE oc_return_status (return_status_id INT(11) NOT NULL, language_id INT(11) NOT NULL, name VARCHAR(32) NOT NULL, PRIMARY KEY (return_status_id, language_id));
CREATE TABLE oc_return_action (return_action_id INT(11) NOT NULL, language_id INT(11) NOT NULL, name VARCHAR(64) NOT NULL, PRIMARY KEY (return_action_id, language_id));

INSERT INTO oc_setting (store_id, `key`, value, serialized) VALUES (0, 'config_complete_status', '["5","3"]', 1), (0, 'config_processing_status', '["2"]', 1), (0, 'config_language', 'hi-in', 0), (0, 'config_timezone', 'Asia/Kolkata', 0), (0, 'config_stock_checkout', '0', 0);
INSERT INTO oc_store VALUES (1, 'Outlet', 'https://outlet.example/');
INSERT INTO oc_language VALUES (1, 'English', 'en-gb'), (2, 'Hindi', 'hi-in');
INSERT INTO oc_order_status VALUES (1, 1, 'Pending'), (2, 1, 'Processing'), (3, 1, 'Shipped'), (5, 1, 'Complete'), (7, 1, 'Canceled'), (10, 1, 'Failed'), (11, 1, 'Refunded'), (15, 1, 'Processed');
INSERT INTO oc_return_status VALUES (1, 1, 'Pending'), (2, 1, 'Awaiting'), (3, 1, 'Complete');
INSERT INTO oc_return_action VALUES (1, 1, 'Refunded'), (2, 1, 'Credit Issued'), (3, 1, 'Replacement Sent');
INSERT INTO oc_customer (customer_id, email) VALUES (1, 'anna@example.com'), (2, 'Ben@Example.com');
INSERT INTO oc_product (product_id, master_id, model, status, date_available, quantity) VALUES (10, 0, 'A', 1, '2024-01-01', 5), (11, 0, 'P', 1, '2024-01-01', 5), (12, 11, 'P-R', 1, '2024-01-01', 5), (13, 0, 'OFF', 0, '2024-01-01', 5), (14, 0, 'SOON', 1, '2999-01-01', 5), (15, 0, 'ELSE', 1, '2024-01-01', 5), (16, 0, 'OUT', 1, '2024-01-01', 0);
INSERT INTO oc_product_description VALUES (10, 1, 'Assam'), (10, 2, 'Assam (hi)'), (11, 2, 'Pot (hi)'), (12, 2, 'Red pot (hi)'), (13, 2, 'Off'), (14, 2, 'Soon'), (15, 2, 'Elsewhere'), (16, 1, 'Sold out');
INSERT INTO oc_product_to_store VALUES (10, 0), (10, 1), (11, 0), (12, 0), (13, 0), (14, 0), (15, 1), (16, 0);
-- Products in several categories, one without a name in Hindi; of a brand; with an image and none.
UPDATE oc_product SET manufacturer_id = 3, image = 'catalog/assam.jpg', price = 4.5, date_added = '2023-06-01 09:30:00' WHERE product_id = 10;
UPDATE oc_product SET image = '', price = 20.95 WHERE product_id = 11;
UPDATE oc_product SET image = 'catalog/off.jpg', date_added = '0000-00-00' WHERE product_id = 13;
INSERT INTO oc_category_description VALUES (2, 1, 'Tea &amp; more'), (2, 2, 'Tea &amp; more (hi)'), (3, 2, 'Black tea (hi)'), (4, 1, 'Pots');
INSERT INTO oc_product_to_category VALUES (10, 3), (10, 2), (11, 4);
INSERT INTO oc_manufacturer VALUES (3, 'Meadow &amp; Sons'), (4, 'Zeta');
-- :since is 2024-03-01 01:30 in the shop's zone.
INSERT INTO oc_order (order_id, store_id, customer_id, email, order_status_id, date_added) VALUES
    (100, 0, 1, 'anna@example.com', 5, '2024-03-05 10:00:00'), (101, 0, 1, 'anna@example.com', 2, '2024-03-06 10:00:00'),
    (102, 0, 1, 'anna@example.com', 1, '2024-03-06 10:00:00'), (103, 0, 1, 'anna@example.com', 7, '2024-03-06 10:00:00'),
    (104, 0, 1, 'anna@example.com', 15, '2024-03-06 10:00:00'), (105, 0, 1, 'anna@example.com', 0, '2024-03-06 10:00:00'),
    (106, 0, 1, 'anna@example.com', 11, '2024-03-06 10:00:00'), (107, 0, 2, 'ben@example.com', 3, '2024-03-07 10:00:00'),
    (108, 0, 0, 'Dora@Example.com', 5, '2024-03-08 10:00:00'), (109, 0, 0, 'dora@example.com', 5, '2024-03-09 10:00:00'),
    (110, 0, 0, 'BEN@example.com', 5, '2024-03-09 10:00:00'), (111, 0, 0, '', 5, '2024-03-09 10:00:00'),
    (112, 0, 9, 'gone@example.com', 5, '2024-03-09 10:00:00'), (113, 1, 1, 'anna@example.com', 5, '2024-03-09 10:00:00'),
    (114, 0, 1, 'anna@example.com', 5, '2024-03-01 01:29:59'), (115, 0, 1, 'anna@example.com', 5, '2024-03-01 01:30:00');
INSERT INTO oc_order_product (order_id, product_id, master_id, name, quantity, price) VALUES
    (100, 10, 0, 'Assam', 2, 4), (100, 12, 11, 'Red pot', 1, 20), (101, 13, 0, 'Off', 1, 9), (102, 10, 0, 'Assam', 1, 4), (103, 10, 0, 'Assam', 1, 4), (104, 10, 0, 'Assam', 1, 4), (105, 10, 0, 'Assam', 1, 4), (106, 10, 0, 'Assam', 1, 4),
    (107, 10, 0, 'Assam', 3, 4), (107, 10, 0, 'Assam, gift', 2, 4), (107, 12, 11, 'Red pot', 2, 20), (107, 11, 0, 'Pot', 1, 20), (107, 15, 0, 'Elsewhere', 1, 9), (107, 16, 0, 'Sold out', 1, 9),
    (108, 10, 0, 'Assam', 1, 4), (109, 11, 0, 'Pot', 1, 20), (110, 13, 0, 'Off', 1, 0), (111, 10, 0, 'Assam', 1, 4), (112, 10, 0, 'Assam', 1, 4), (113, 15, 0, 'Elsewhere', 1, 9), (114, 16, 0, 'Sold out', 1, 9), (115, 99, 0, 'Removed', 1, 9);
INSERT INTO oc_return (order_id, product_id, customer_id, quantity, return_status_id, return_action_id) VALUES
    (107, 10, 2, 1, 3, 1), (107, 10, 2, 1, 3, 2), (107, 12, 2, 1, 3, 1), (107, 15, 2, 1, 3, 3), (107, 16, 2, 1, 3, 1), (100, 10, 1, 1, 1, 1), (100, 10, 1, 1, 3, 0);

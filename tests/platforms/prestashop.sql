-- PrestaShop 8 as the tests need it: own transcription of its tables, with the names and types of the real ones, and a
-- row or more for everything that a query for it may get wrong. Prefix ps_; two shops, two languages, Europe/Paris.
CREATE TABLE ps_configuration (id_configuration INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_shop_group INT UNSIGNED, id_shop INT UNSIGNED, name VARCHAR(254) NOT NULL, value TEXT);
CREATE TABLE ps_shop (id_shop INT UNSIGNED NOT NULL PRIMARY KEY, id_shop_group INT UNSIGNED NOT NULL, name VARCHAR(64) NOT NULL, deleted TINYINT(1) NOT NULL DEFAULT 0);
CREATE TABLE ps_lang (id_lang INT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(32) NOT NULL);
CREATE TABLE ps_customer (id_customer INT UNSIGNED NOT NULL PRIMARY KEY, id_shop INT UNSIGNED NOT NULL DEFAULT 1, email VARCHAR(128) NOT NULL, passwd VARCHAR(60) NOT NULL DEFAULT 'secret', is_guest TINYINT(1) NOT NULL DEFAULT 0, deleted TINYINT(1) NOT NULL DEFAULT 0);
CREATE TABLE ps_orders (id_order INT UNSIGNED NOT NULL PRIMARY KEY, reference VARCHAR(9), id_shop INT UNSIGNED NOT NULL DEFAULT 1, id_customer INT UNSIGNED NOT NULL, current_state INT UNSIGNED NOT NULL, conversion_rate DECIMAL(13,6) NOT NULL DEFAULT 1, valid INT(1) UNSIGNED NOT NULL DEFAULT 0, date_add DATETIME NOT NULL, KEY date_add (date_add));
CREATE TABLE ps_order_detail (id_order_detail INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_order INT UNSIGNED NOT NULL, id_shop INT UNSIGNED NOT NULL DEFAULT 1, product_id INT UNSIGNED NOT NULL, product_attribute_id INT UNSIGNED, product_name TEXT, product_quantity INT UNSIGNED NOT NULL DEFAULT 0, product_quantity_refunded INT UNSIGNED NOT NULL DEFAULT 0, product_quantity_return INT UNSIGNED NOT NULL DEFAULT 0, product_quantity_reinjected INT UNSIGNED NOT NULL DEFAULT 0, unit_price_tax_incl DECIMAL(20,6) NOT NULL DEFAULT 0, KEY id_order (id_order));
CREATE TABLE ps_order_state (id_order_state INT UNSIGNED NOT NULL PRIMARY KEY, logable TINYINT(1) NOT NULL DEFAULT 0, paid TINYINT(1) NOT NULL DEFAULT 0, deleted TINYINT(1) NOT NULL DEFAULT 0);
CREATE TABLE ps_order_state_lang (id_order_state INT UNSIGNED NOT NULL, id_lang INT UNSIGNED NOT NULL, name VARCHAR(64) NOT NULL, PRIMARY KEY (id_order_state, id_lang));
CREATE TABLE ps_product (id_product INT UNSIGNED NOT NULL PRIMARY KEY, id_manufacturer INT UNSIGNED, id_category_default INT UNSIGNED, price DECIMAL(20,6) NOT NULL DEFAULT 0, date_add DATETIME NOT NULL DEFAULT '2023-05-01 12:00:00', reference VARCHAR(64), state INT UNSIGNED NOT NULL DEFAULT 1, active TINYINT(1) UNSIGNED NOT NULL DEFAULT 0);
CREATE TABLE ps_product_shop (id_product INT UNSIGNED NOT NULL, id_shop INT UNSIGNED NOT NULL, id_category_default INT UNSIGNED, price DECIMAL(20,6) NOT NULL DEFAULT 0, active TINYINT(1) UNSIGNED NOT NULL DEFAULT 1, available_for_order TINYINT(1) NOT NULL DEFAULT 1, visibility ENUM('both','catalog','search','none') NOT NULL DEFAULT 'both', PRIMARY KEY (id_product, id_shop));
CREATE TABLE ps_product_lang (id_product INT UNSIGNED NOT NULL, id_shop INT UNSIGNED NOT NULL DEFAULT 1, id_lang INT UNSIGNED NOT NULL, name VARCHAR(128) NOT NULL, PRIMARY KEY (id_product, id_shop, id_lang));
CREATE TABLE ps_stock_available (id_stock_available INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, id_product INT UNSIGNED NOT NULL, id_product_attribute INT UNSIGNED NOT NULL, id_shop INT UNSIGNED NOT NULL, id_shop_group INT UNSIGNED NOT NULL, quantity INT NOT NULL DEFAULT 0, out_of_stock TINYINT(1) UNSIGNED NOT NULL DEFAULT 2);
CREATE TABLE ps_product_attribute_shop (id_product INT UNSIGNED NOT NULL, id_product_attribute INT UNSIGNED NOT NULL, id_shop INT UNSIGNED NOT NULL, price DECIMAL(20,6) NOT NULL DEFAULT 0, default_on TINYINT(1) UNSIGNED, PRIMARY KEY (id_product_attribute, id_shop), UNIQUE KEY id_product (id_product, id_shop, default_on));
CREATE TABLE ps_category_lang (id_category INT UNSIGNED NOT NULL, id_shop INT UNSIGNED NOT NULL DEFAULT 1, id_lang INT UNSIGNED NOT NULL, name VARCHAR(128) NOT NULL, PRIMARY KEY (id_category, id_shop, id_lang), KEY category_name (name));
CREATE TABLE ps_category_product (id_category INT UNSIGNED NOT NULL, id_product INT UNSIGNED NOT NULL, position INT UNSIGNED NOT NULL DEFAULT 0, PRIMARY KEY (id_category, id_product), KEY id_product (id_product));
CREATE TABLE ps_manufacturer (id_manufacturer INT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL);
CREATE TABLE ps_image_shop (id_product INT UNSIGNED NOT NULL, id_image INT UNSIGNED NOT NULL, id_shop INT UNSIGNED NOT NULL, cover TINYINT(1) UNSIGNED, PRIMARY KEY (id_image, id_shop), UNIQUE KEY id_product (id_product, id_shop, cover));
CREATE TABLE ps_shop_url (id_shop_url INT NOT NULL PRIMARY KEY, id_shop INT NOT NULL, domain VARCHAR(150) NOT NULL, domain_ssl VARCHAR(150) NOT NULL, physical_uri VARCHAR(64) NOT NULL, virtual_uri VARCHAR(64) NOT NULL, main TINYINT(1) NOT NULL, active TINYINT(1) NOT NULL, KEY id_shop (id_shop));

INSERT INTO ps_configuration (id_shop, name, value) VALUES (NULL, 'PS_TIMEZONE', 'Europe/Paris'), (NULL, 'PS_LANG_DEFAULT', '2'), (NULL, 'PS_SHOP_DEFAULT', '1'), (NULL, 'PS_VERSION_DB', '8.1.7'), (NULL, 'PS_STOCK_MANAGEMENT', '1'), (NULL, 'PS_ORDER_OUT_OF_STOCK', '0');
INSERT INTO ps_shop VALUES (1, 1, 'Teas', 0), (2, 1, 'Outlet', 0);
INSERT INTO ps_lang VALUES (1, 'English'), (2, 'Deutsch');
INSERT INTO ps_order_state VALUES (1, 0, 0, 0), (2, 1, 1, 0), (4, 1, 1, 0), (6, 0, 0, 0), (7, 0, 0, 0), (8, 0, 0, 0), (9, 0, 1, 0);
INSERT INTO ps_order_state_lang VALUES (1, 2, 'Wartet'), (2, 2, 'Bezahlt'), (4, 2, 'Versandt'), (6, 2, 'Storniert'), (7, 2, 'Erstattet'), (8, 2, 'Zahlungsfehler'), (9, 2, 'Im Zulauf, bezahlt'), (2, 1, 'Paid');
INSERT INTO ps_customer (id_customer, email, is_guest, deleted) VALUES (1, 'anna@example.com', 0, 0), (2, 'Ben@Example.com', 0, 0), (3, 'gone@example.com', 0, 1),
    (50, 'dora@example.com', 1, 0), (51, 'Dora@Example.com', 1, 0), (52, 'ben@example.com', 1, 0), (53, '', 1, 0);
INSERT INTO ps_product (id_product, reference, state) VALUES (10, 'A', 1), (11, 'P', 1), (12, 'OFF', 1), (13, 'NO', 1), (14, 'S', 1), (15, 'D', 0), (16, 'PACK', 1), (17, 'OUT', 1), (18, 'ORD', 1);
INSERT INTO ps_product_shop (id_product, id_shop, active, available_for_order, visibility) VALUES (10, 1, 1, 1, 'both'), (10, 2, 0, 1, 'both'), (11, 1, 1, 1, 'catalog'), (12, 1, 0, 1, 'both'), (12, 2, 1, 1, 'both'), (13, 1, 1, 0, 'both'), (14, 1, 1, 1, 'search'), (15, 1, 1, 1, 'both'), (16, 1, 1, 1, 'both'), (17, 1, 1, 1, 'both'), (18, 1, 1, 1, 'both');
INSERT INTO ps_product_lang VALUES (10, 1, 1, 'Assam tea'), (10, 1, 2, 'Assam'), (10, 2, 2, 'Assam, Restposten'), (11, 1, 2, 'Kanne'), (12, 1, 2, 'Aus'), (13, 1, 2, 'Nur ansehen'), (14, 1, 2, 'Nur Suche'), (15, 1, 2, 'Entwurf'), (16, 1, 2, 'Paket'), (17, 1, 1, 'Sold out'), (18, 1, 2, 'Auf Bestellung');
INSERT INTO ps_stock_available (id_product, id_product_attribute, id_shop, id_shop_group, quantity, out_of_stock) VALUES (10, 0, 1, 0, 5, 2), (11, 0, 1, 0, 3, 2), (11, 7, 1, 0, 0, 2), (16, 0, 1, 0, 1, 2), (17, 0, 1, 0, 0, 2), (17, 0, 2, 0, 9, 2), (18, 0, 1, 0, -2, 1);

-- Products in several categories of which one is the main one, of this shop or of all; with a price of this shop and of
-- a combination; with several images of which one is the cover, in each shop another.
UPDATE ps_product SET id_manufacturer = 3, id_category_default = 4, price = 4.5, date_add = '2023-06-01 09:30:00' WHERE id_product = 10;
UPDATE ps_product SET id_category_default = 5, price = 18 WHERE id_product = 11;
UPDATE ps_product SET id_manufacturer = 0, id_category_default = 6, date_add = '0000-00-00' WHERE id_product = 13;
UPDATE ps_product_shop SET id_category_default = 4, price = CASE id_shop WHEN 1 THEN 4 ELSE 3 END WHERE id_product = 10;
UPDATE ps_product_shop SET id_category_default = CASE id_shop WHEN 1 THEN 5 ELSE 6 END, price = 18 WHERE id_product = 11;
UPDATE ps_product_shop SET id_category_default = 6 WHERE id_product = 13;
INSERT INTO ps_category_product (id_category, id_product) VALUES (2, 10), (4, 10), (5, 10), (5, 11);
INSERT INTO ps_category_lang VALUES (2, 1, 2, 'Start'), (4, 1, 1, 'Teas'), (4, 1, 2, 'Tee'), (4, 2, 2, 'Restposten'), (5, 1, 1, 'Pots'), (6, 1, 2, 'Ausstellung');
INSERT INTO ps_manufacturer VALUES (3, 'Meadow & Sons');
INSERT INTO ps_product_attribute_shop VALUES (11, 7, 1, 2.95, 1), (11, 8, 1, 9, NULL), (11, 7, 2, 1, 1);
INSERT INTO ps_image_shop VALUES (10, 120, 1, NULL), (10, 1234, 1, 1), (10, 120, 2, 1), (11, 7, 1, 1), (13, 8, 1, NULL);
INSERT INTO ps_shop_url VALUES (1, 1, 'teas.example', 'teas.example', '/', '', 1, 1), (2, 1, 'old.example', 'old.example', '/', '', 0, 1), (3, 2, 'teas.example', 'teas.example', '/', 'outlet/', 1, 1);

-- :since is 2024-03-01 01:30 in Paris.
INSERT INTO ps_orders (id_order, reference, id_shop, id_customer, current_state, valid, date_add) VALUES
    (100, 'AAA', 1, 1, 4, 1, '2024-03-05 10:00:00'), (101, 'AAA', 1, 1, 2, 1, '2024-03-05 10:00:00'),
    (102, 'BBB', 1, 2, 9, 0, '2024-03-06 10:00:00'), (103, 'CCC', 1, 1, 1, 0, '2024-03-06 10:00:00'),
    (104, 'DDD', 1, 1, 6, 0, '2024-03-06 10:00:00'), (105, 'EEE', 1, 1, 7, 0, '2024-03-06 10:00:00'),
    (106, 'FFF', 1, 1, 8, 0, '2024-03-06 10:00:00'), (107, 'GGG', 1, 2, 4, 1, '2024-03-07 10:00:00'),
    (108, 'HHH', 1, 50, 4, 1, '2024-03-08 10:00:00'), (109, 'III', 1, 51, 4, 1, '2024-03-09 10:00:00'),
    (110, 'JJJ', 1, 52, 4, 1, '2024-03-09 10:00:00'), (111, 'KKK', 1, 53, 4, 1, '2024-03-09 10:00:00'),
    (112, 'LLL', 1, 3, 4, 1, '2024-03-10 10:00:00'), (113, 'MMM', 1, 77, 4, 1, '2024-03-10 10:00:00'),
    (114, 'NNN', 2, 1, 4, 1, '2024-03-10 10:00:00'), (115, 'OOO', 1, 1, 4, 1, '2024-03-01 01:29:59'),
    (116, 'PPP', 1, 1, 4, 1, '2024-03-01 01:30:00');
INSERT INTO ps_order_detail (id_order, product_id, product_attribute_id, product_quantity, product_quantity_refunded, product_quantity_return, product_quantity_reinjected, unit_price_tax_incl) VALUES
    (100, 10, 0, 2, 0, 0, 0, 5), (100, 11, 7, 1, 0, 0, 0, 20), (101, 16, 0, 1, 0, 0, 0, 30),
    (102, 10, 0, 1, 0, 0, 0, 5), (103, 10, 0, 1, 0, 0, 0, 5), (104, 10, 0, 1, 0, 0, 0, 5), (105, 10, 0, 1, 0, 0, 0, 5), (106, 10, 0, 1, 0, 0, 0, 5),
    (107, 11, 0, 5, 1, 2, 1, 20), (107, 12, 0, 1, 1, 0, 1, 9), (107, 13, 0, 1, 1, 1, 0, 9),
    (108, 10, 0, 1, 0, 0, 0, 5), (109, 11, 0, 1, 0, 0, 0, 20), (110, 16, 0, 1, 0, 0, 0, 30), (111, 10, 0, 1, 0, 0, 0, 5),
    (112, 10, 0, 1, 0, 0, 0, 5), (113, 10, 0, 1, 0, 0, 0, 5), (114, 12, 0, 1, 0, 0, 0, 9), (115, 18, 0, 1, 0, 0, 0, 9), (116, 12, 0, 1, 0, 0, 0, 0), (116, 99, 0, 1, 0, 0, 0, 7);

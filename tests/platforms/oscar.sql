-- django-oscar 4 as the tests need it, for any database: own transcription of its tables, with the names of the real
-- ones, and a row or more for everything that a query for it may get wrong.
CREATE TABLE auth_user (id INTEGER NOT NULL PRIMARY KEY, username VARCHAR(150) NOT NULL, password VARCHAR(128) NOT NULL, email VARCHAR(254) NOT NULL);
CREATE TABLE catalogue_productclass (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL, track_stock BOOLEAN NOT NULL);
CREATE TABLE catalogue_product (id INTEGER NOT NULL PRIMARY KEY, structure VARCHAR(10) NOT NULL, is_public BOOLEAN NOT NULL, title VARCHAR(255) NOT NULL, parent_id INTEGER REFERENCES catalogue_product (id), product_class_id INTEGER);
CREATE TABLE partner_stockrecord (id INTEGER NOT NULL PRIMARY KEY, product_id INTEGER NOT NULL, num_in_stock INTEGER, num_allocated INTEGER);
CREATE TABLE order_order (id INTEGER NOT NULL PRIMARY KEY, number VARCHAR(128) NOT NULL, user_id INTEGER, guest_email VARCHAR(254) NOT NULL, status VARCHAR(100) NOT NULL, date_placed TIMESTAMP NOT NULL, FOREIGN KEY (user_id) REFERENCES auth_user (id));
CREATE TABLE order_line (id INTEGER NOT NULL PRIMARY KEY, order_id INTEGER NOT NULL, product_id INTEGER, title VARCHAR(255) NOT NULL, quantity INTEGER NOT NULL, unit_price_incl_tax DECIMAL(12,2), status VARCHAR(255) NOT NULL);
CREATE TABLE order_paymenteventtype (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL);
CREATE TABLE order_paymentevent (id INTEGER NOT NULL PRIMARY KEY, event_type_id INTEGER NOT NULL, order_id INTEGER NOT NULL);
CREATE TABLE order_paymenteventquantity (id INTEGER NOT NULL PRIMARY KEY, event_id INTEGER NOT NULL, line_id INTEGER NOT NULL, quantity INTEGER NOT NULL);
INSERT INTO auth_user VALUES (1, 'anna', 'secret', 'anna@example.com'), (2, 'ben', 'secret', 'Ben@Example.com'), (3, 'ben2', 'secret', 'ben@example.com');
INSERT INTO catalogue_productclass VALUES (1, 'Tea', TRUE), (2, 'Voucher', FALSE);
INSERT INTO catalogue_product VALUES (10, 'standalone', TRUE, 'Assam', NULL, 1), (11, 'parent', TRUE, 'Pot', NULL, 1), (13, 'standalone', FALSE, 'Off', NULL, 1), (16, 'standalone', TRUE, 'Sold out', NULL, 1), (17, 'standalone', TRUE, 'Voucher', NULL, 2);
INSERT INTO catalogue_product VALUES (12, 'child', TRUE, '', 11, NULL);
INSERT INTO partner_stockrecord VALUES (1, 10, 5, 1), (2, 12, 3, NULL), (3, 16, 4, 4);
INSERT INTO order_order VALUES (100, '100', 1, '', 'Complete', '2024-03-05 10:00:00'), (101, '101', 2, '', 'Being processed', '2024-03-06 10:00:00'), (102, '102', 1, '', 'Pending', '2024-03-06 10:00:00'), (103, '103', 1, '', 'Cancelled', '2024-03-06 10:00:00'), (104, '104', NULL, 'Dora@Example.com', 'Complete', '2024-03-07 10:00:00'), (105, '105', NULL, 'dora@example.com', 'Complete', '2024-03-08 10:00:00'), (106, '106', NULL, 'BEN@example.com', 'Complete', '2024-03-08 10:00:00'), (107, '107', NULL, '', 'Complete', '2024-03-08 10:00:00'), (108, '108', 1, '', 'Complete', '2024-03-01 01:29:59'), (109, '109', 1, '', 'Complete', '2024-03-01 01:30:00');
INSERT INTO order_line VALUES (1, 100, 10, 'Assam', 2, 4, ''), (2, 100, 12, 'Pot, red', 1, 20, ''), (3, 100, 16, 'Sold out', 1, 9, 'Cancelled'), (4, 101, 10, 'Assam', 3, 4, ''), (5, 101, 17, 'Voucher', 1, 9, ''), (6, 102, 10, 'Assam', 1, 4, ''), (7, 103, 10, 'Assam', 1, 4, ''), (8, 104, 10, 'Assam', 1, 4, ''), (9, 105, 12, 'Pot, red', 1, 20, ''), (10, 106, 11, 'Pot', 1, 20, ''), (11, 107, 10, 'Assam', 1, 4, ''), (12, 108, 16, 'Sold out', 1, 9, ''), (13, 109, 13, 'Off', 1, 0, ''), (14, 109, NULL, 'Removed', 1, 9, '');
INSERT INTO order_paymenteventtype VALUES (1, 'Settled'), (2, 'Refunded');
INSERT INTO order_paymentevent VALUES (1, 1, 101), (2, 2, 101);
INSERT INTO order_paymenteventquantity VALUES (1, 1, 4, 3), (2, 2, 4, 1), (3, 2, 5, 1);

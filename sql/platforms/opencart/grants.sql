-- What the nights read of OpenCart and no more: no password, no address but those that guests are known by.
-- Let a user who may do so run this.
GRANT SELECT (order_id, store_id, customer_id, email, order_status_id, date_added) ON ${database}.`${prefix}order` TO ${reader};
-- [if masters]
GRANT SELECT (order_id, product_id, master_id, quantity, price) ON ${database}.`${prefix}order_product` TO ${reader};
GRANT SELECT (product_id, master_id, manufacturer_id, image, price, status, date_available, quantity, date_added) ON ${database}.`${prefix}product` TO ${reader};
-- [end]
-- [if not masters]
GRANT SELECT (order_id, product_id, quantity, price) ON ${database}.`${prefix}order_product` TO ${reader};
GRANT SELECT (product_id, manufacturer_id, image, price, status, date_available, quantity, date_added) ON ${database}.`${prefix}product` TO ${reader};
-- [end]
-- [if returns]
GRANT SELECT (order_id, product_id, quantity, return_status_id, return_action_id) ON ${database}.`${prefix}return` TO ${reader};
-- [end]
GRANT SELECT (customer_id, email) ON ${database}.`${prefix}customer` TO ${reader};
GRANT SELECT (order_status_id, language_id, name) ON ${database}.`${prefix}order_status` TO ${reader};
GRANT SELECT (product_id, language_id, name) ON ${database}.`${prefix}product_description` TO ${reader};
-- [if categories]
GRANT SELECT (product_id, category_id) ON ${database}.`${prefix}product_to_category` TO ${reader};
GRANT SELECT (category_id, language_id, name) ON ${database}.`${prefix}category_description` TO ${reader};
-- [end]
-- [if brands]
GRANT SELECT (manufacturer_id, name) ON ${database}.`${prefix}manufacturer` TO ${reader};
-- [end]
-- [if translated_brands]
GRANT SELECT (manufacturer_id, language_id, name) ON ${database}.`${prefix}manufacturer_description` TO ${reader};
-- [end]
GRANT SELECT (product_id, store_id) ON ${database}.`${prefix}product_to_store` TO ${reader};
-- Settings: for in_stock_only at night too, the others only for `recommend init`. OpenCart keeps the mail server's
-- password in this table; once `recommend init` is done, it may be taken away where in_stock_only is no.
GRANT SELECT (store_id, `key`, value) ON ${database}.`${prefix}setting` TO ${reader};
GRANT SELECT (store_id, name, url) ON ${database}.`${prefix}store` TO ${reader};
GRANT SELECT (language_id, code, name) ON ${database}.`${prefix}language` TO ${reader};
GRANT SELECT (return_status_id, language_id, name) ON ${database}.`${prefix}return_status` TO ${reader};
GRANT SELECT (return_action_id, language_id, name) ON ${database}.`${prefix}return_action` TO ${reader};

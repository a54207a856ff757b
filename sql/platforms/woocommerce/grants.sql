-- What the nights read of WooCommerce and no more: no password, no address but those that guests are known by.
-- Let a user who may do so run this.
-- [if not posts]
GRANT SELECT (id, type, status, customer_id, billing_email, date_created_gmt) ON ${database}.`${prefix}wc_orders` TO ${reader};
-- [end]
GRANT SELECT (post_id, meta_key, meta_value) ON ${database}.`${prefix}postmeta` TO ${reader};
GRANT SELECT (ID, post_type, post_status, post_title, post_password, post_date, post_date_gmt) ON ${database}.`${prefix}posts` TO ${reader};
GRANT SELECT (order_item_id, order_id, order_item_type) ON ${database}.`${prefix}woocommerce_order_items` TO ${reader};
GRANT SELECT (order_item_id, meta_key, meta_value) ON ${database}.`${prefix}woocommerce_order_itemmeta` TO ${reader};
GRANT SELECT (object_id, term_taxonomy_id) ON ${database}.`${prefix}term_relationships` TO ${reader};
GRANT SELECT (term_taxonomy_id, term_id, taxonomy) ON ${database}.`${prefix}term_taxonomy` TO ${reader};
GRANT SELECT (term_id, slug, name) ON ${database}.`${prefix}terms` TO ${reader};
GRANT SELECT (ID, user_email) ON ${database}.`${base_prefix}users` TO ${reader};
-- Only for `recommend init`: the version, the time zone, the shop's address, where orders are.
GRANT SELECT (option_name, option_value) ON ${database}.`${prefix}options` TO ${reader};

-- What the nights read of Shopware and no more: no password, no address but those that guests are known by.
-- Let a user who may do so run this.
GRANT SELECT (id, version_id, state_id, order_date_time, sales_channel_id) ON ${database}.`order` TO ${reader};
GRANT SELECT (id, version_id, order_id, order_version_id, parent_id, product_id, referenced_id, type, quantity, unit_price) ON ${database}.order_line_item TO ${reader};
GRANT SELECT (order_id, order_version_id, version_id, customer_id, email) ON ${database}.order_customer TO ${reader};
GRANT SELECT (id, version_id, order_id, order_version_id, state_id) ON ${database}.order_transaction TO ${reader};
-- [if refunds]
-- [if refund_versions]
GRANT SELECT (version_id, refund_id, order_line_item_id, quantity) ON ${database}.order_transaction_capture_refund_position TO ${reader};
GRANT SELECT (id, version_id, state_id) ON ${database}.order_transaction_capture_refund TO ${reader};
-- [end]
-- [if not refund_versions]
GRANT SELECT (refund_id, order_line_item_id, quantity) ON ${database}.order_transaction_capture_refund_position TO ${reader};
GRANT SELECT (id, state_id) ON ${database}.order_transaction_capture_refund TO ${reader};
-- [end]
-- [end]
GRANT SELECT (id, technical_name, state_machine_id) ON ${database}.state_machine_state TO ${reader};
GRANT SELECT (id, technical_name) ON ${database}.state_machine TO ${reader};
GRANT SELECT (id, email, guest) ON ${database}.customer TO ${reader};
GRANT SELECT (id, version_id, parent_id, product_number, active, available, child_count, price, product_manufacturer_id, product_manufacturer_version_id, product_media_id, product_media_version_id, created_at) ON ${database}.product TO ${reader};
GRANT SELECT (product_id, product_version_id, language_id, name) ON ${database}.product_translation TO ${reader};
GRANT SELECT (product_id, product_version_id, sales_channel_id, visibility) ON ${database}.product_visibility TO ${reader};
GRANT SELECT (product_id, product_version_id, category_id, category_version_id) ON ${database}.product_category TO ${reader};
GRANT SELECT (id, version_id, auto_increment) ON ${database}.category TO ${reader};
GRANT SELECT (category_id, category_version_id, language_id, name) ON ${database}.category_translation TO ${reader};
-- [if main_categories]
GRANT SELECT (product_id, product_version_id, category_id, sales_channel_id) ON ${database}.main_category TO ${reader};
-- [end]
GRANT SELECT (product_manufacturer_id, product_manufacturer_version_id, language_id, name) ON ${database}.product_manufacturer_translation TO ${reader};
-- [if media_paths]
GRANT SELECT (id, version_id, media_id) ON ${database}.product_media TO ${reader};
GRANT SELECT (id, path) ON ${database}.media TO ${reader};
-- [end]
-- Only for `recommend init`: what there is to choose from, and the shop's address.
GRANT SELECT (sales_channel_id, language_id, url) ON ${database}.sales_channel_domain TO ${reader};
GRANT SELECT (id, type_id, language_id, active) ON ${database}.sales_channel TO ${reader};
GRANT SELECT (sales_channel_id, name) ON ${database}.sales_channel_translation TO ${reader};
GRANT SELECT (id, name) ON ${database}.language TO ${reader};

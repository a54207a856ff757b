-- What the nights read of Magento and no more: no password, no address but those that guests are known by.
-- Let a user who may do so run this.
GRANT SELECT (entity_id, state, store_id, customer_id, customer_email, created_at) ON ${database}.`${prefix}sales_order` TO ${reader};
GRANT SELECT (item_id, order_id, parent_item_id, product_id, qty_invoiced, qty_refunded, base_price) ON ${database}.`${prefix}sales_order_item` TO ${reader};
GRANT SELECT (entity_id, email) ON ${database}.`${prefix}customer_entity` TO ${reader};
GRANT SELECT ON ${database}.`${prefix}catalog_product_entity` TO ${reader};
GRANT SELECT ON ${database}.`${prefix}catalog_product_entity_varchar` TO ${reader};
GRANT SELECT ON ${database}.`${prefix}catalog_product_entity_int` TO ${reader};
GRANT SELECT ON ${database}.`${prefix}catalog_product_entity_decimal` TO ${reader};
GRANT SELECT (entity_id, customer_group_id, website_id, min_price) ON ${database}.`${prefix}catalog_product_index_price` TO ${reader};
GRANT SELECT (category_id, product_id) ON ${database}.`${prefix}catalog_category_product` TO ${reader};
GRANT SELECT ON ${database}.`${prefix}catalog_category_entity` TO ${reader};
GRANT SELECT ON ${database}.`${prefix}catalog_category_entity_varchar` TO ${reader};
GRANT SELECT (option_id, store_id, value) ON ${database}.`${prefix}eav_attribute_option_value` TO ${reader};
GRANT SELECT ON ${database}.`${prefix}catalog_product_super_link` TO ${reader};
GRANT SELECT ON ${database}.`${prefix}catalog_product_website` TO ${reader};
GRANT SELECT (product_id, website_id, stock_status) ON ${database}.`${prefix}cataloginventory_stock_status` TO ${reader};
GRANT SELECT (attribute_id, entity_type_id, attribute_code) ON ${database}.`${prefix}eav_attribute` TO ${reader};
GRANT SELECT (entity_type_id, entity_type_code) ON ${database}.`${prefix}eav_entity_type` TO ${reader};
GRANT SELECT (store_id, website_id, code, name) ON ${database}.`${prefix}store` TO ${reader};
-- Only for `recommend init`: the version, the time zone, the shop's address. Magento keeps secrets in the second table, most of them
-- encrypted; once `recommend init` is done, take that right away again.
GRANT SELECT (module, schema_version) ON ${database}.`${prefix}setup_module` TO ${reader};
GRANT SELECT (scope, scope_id, path, value) ON ${database}.`${prefix}core_config_data` TO ${reader};

-- What the nights read of PrestaShop and no more: no password, no address but those that guests are known by.
-- Let a user who may do so run this.
GRANT SELECT (id_order, id_shop, id_customer, conversion_rate, current_state, valid, date_add) ON ${database}.`${prefix}orders` TO ${reader};
GRANT SELECT (id_order, product_id, product_quantity, product_quantity_refunded, product_quantity_return, unit_price_tax_incl) ON ${database}.`${prefix}order_detail` TO ${reader};
GRANT SELECT (id_order_state, logable, paid, deleted) ON ${database}.`${prefix}order_state` TO ${reader};
GRANT SELECT (id_order_state, id_lang, name) ON ${database}.`${prefix}order_state_lang` TO ${reader};
GRANT SELECT (id_customer, email, is_guest, deleted) ON ${database}.`${prefix}customer` TO ${reader};
GRANT SELECT (id_product, id_manufacturer, id_category_default, price, state, date_add) ON ${database}.`${prefix}product` TO ${reader};
GRANT SELECT (id_product, id_shop, id_category_default, price, active, available_for_order, visibility) ON ${database}.`${prefix}product_shop` TO ${reader};
GRANT SELECT (id_product, id_shop, id_lang, name) ON ${database}.`${prefix}product_lang` TO ${reader};
GRANT SELECT (id_product, id_shop, default_on, price) ON ${database}.`${prefix}product_attribute_shop` TO ${reader};
GRANT SELECT (id_product, id_image, id_shop, cover) ON ${database}.`${prefix}image_shop` TO ${reader};
GRANT SELECT (id_category, id_shop, id_lang, name) ON ${database}.`${prefix}category_lang` TO ${reader};
GRANT SELECT (id_manufacturer, name) ON ${database}.`${prefix}manufacturer` TO ${reader};
GRANT SELECT (id_product, id_product_attribute, id_shop, quantity, out_of_stock) ON ${database}.`${prefix}stock_available` TO ${reader};
-- Settings: for in_stock_only at night too, the others only for `recommend init`. PrestaShop keeps some of its
-- secrets in this table; once `recommend init` is done, it may be taken away where in_stock_only is no.
GRANT SELECT (name, value, id_shop, id_shop_group) ON ${database}.`${prefix}configuration` TO ${reader};
GRANT SELECT (id_shop, name, deleted) ON ${database}.`${prefix}shop` TO ${reader};
GRANT SELECT (id_shop, domain, domain_ssl, physical_uri, virtual_uri, main, active) ON ${database}.`${prefix}shop_url` TO ${reader};
GRANT SELECT (id_lang, name) ON ${database}.`${prefix}lang` TO ${reader};

-- What the nights read of django-oscar and no more: no password, no address but those that guests are known by.
-- Let a user who may do so run this.
GRANT SELECT (id, status, user_id, guest_email, date_placed) ON order_order TO ${reader};
GRANT SELECT (id, order_id, product_id, quantity, status, unit_price_incl_tax) ON order_line TO ${reader};
GRANT SELECT (id, parent_id, structure, title, slug, is_public, product_class_id, date_created) ON catalogue_product TO ${reader};
GRANT SELECT (id, track_stock) ON catalogue_productclass TO ${reader};
-- [if prices]
GRANT SELECT (product_id, price, num_in_stock, num_allocated) ON partner_stockrecord TO ${reader};
-- [end]
-- [if not prices]
GRANT SELECT (product_id, num_in_stock, num_allocated) ON partner_stockrecord TO ${reader};
-- [end]
GRANT SELECT (product_id, category_id) ON catalogue_productcategory TO ${reader};
GRANT SELECT (id, name) ON catalogue_category TO ${reader};
GRANT SELECT (id, product_id, original, display_order) ON catalogue_productimage TO ${reader};
GRANT SELECT (id, event_type_id) ON order_paymentevent TO ${reader};
GRANT SELECT (event_id, line_id, quantity) ON order_paymenteventquantity TO ${reader};
GRANT SELECT (id, name) ON order_paymenteventtype TO ${reader};
-- [if user_table]
GRANT SELECT (id, email) ON ${user_table} TO ${reader};
-- [end]

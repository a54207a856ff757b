"""Fills the shop through Oscar's own programming interface and tells what was sold.

It does what a shop does: products with stock, some with variants; orders of customers and guests that are
placed from baskets and go through the shop's pipeline; some are cancelled, some lines come back.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from oscar.core.loading import get_class, get_classes, get_model

Basket = get_model("basket", "Basket")
Partner = get_model("partner", "Partner")
PaymentEventType = get_model("order", "PaymentEventType")
Product = get_model("catalogue", "Product")
ProductClass = get_model("catalogue", "ProductClass")
StockRecord = get_model("partner", "StockRecord")
User = get_user_model()
EventHandler = get_class("order.processing", "EventHandler")
Free = get_class("shipping.methods", "Free")
OrderCreator, OrderNumberGenerator = get_classes("order.utils", ["OrderCreator", "OrderNumberGenerator"])
OrderTotalCalculator = get_class("checkout.calculators", "OrderTotalCalculator")
Selector = get_class("partner.strategy", "Selector")

FIRST = datetime(2024, 3, 1, 22, 30, tzinfo=UTC)
TASTES = 2
PRODUCTS = 12
CUSTOMERS = 36


def stock_up():
    """Products of two tastes, one of them with variants: for each what is bought, by its name."""
    partner = Partner.objects.create(name="Warehouse")
    tea = ProductClass.objects.create(name="Tea", requires_shipping=True, track_stock=True)
    bought = []
    for number in range(PRODUCTS):
        with_variants = number == 3
        product = Product.objects.create(
            title=f"Tea {number}",
            product_class=tea,
            structure=Product.PARENT if with_variants else Product.STANDALONE,
        )
        if with_variants:
            product = Product.objects.create(title="small", structure=Product.CHILD, parent=product)
        StockRecord.objects.create(
            product=product,
            partner=partner,
            partner_sku=f"tea-{number}",
            price=Decimal(number + 1),
            num_in_stock=1000,
        )
        bought.append(product)
    return bought


def place(products, hours, *, user=None, email=""):
    """One order of one of each product, as the checkout places it."""
    basket = Basket.objects.create(owner=user)
    basket.strategy = Selector().strategy()
    for product in products:
        basket.add_product(product, quantity=1)
    method = Free()
    charge = method.calculate(basket)
    order = OrderCreator().place_order(
        basket=basket,
        total=OrderTotalCalculator().calculate(basket, charge),
        shipping_method=method,
        shipping_charge=charge,
        user=user,
        order_number=OrderNumberGenerator().order_number(basket),
        guest_email=email,
        date_placed=FIRST + timedelta(hours=hours),
    )
    basket.submit()
    return order


def sell():
    """Sell; returns customer, product as a page shows it, and quantity of all that was sold."""
    products = stock_up()
    handler = EventHandler()
    refund = PaymentEventType.objects.create(name="Refund")
    sold: Counter[tuple[object, object]] = Counter()
    for number in range(CUSTOMERS):
        address = f"customer{number}@example.com"
        is_guest = number % 6 == 5
        user = None if is_guest else User.objects.create_user(f"customer{number}", address, "word")
        mine = [product for place, product in enumerate(products) if place % TASTES == number % TASTES]
        # Each lacks one product of the own taste, which is the one to recommend.
        mine.pop((number // TASTES) % len(mine))
        other = place([products[(number + 1) % TASTES]], number, user=user, email=address if is_guest else "")
        handler.handle_order_status_change(other, "Cancelled")
        for turn, product in enumerate(mine):
            order = place(
                [product, *mine[:1]], 7 * 24 * turn + number, user=user, email=address if is_guest else ""
            )
            handler.handle_order_status_change(order, "Being processed")
            if turn % 2:
                handler.handle_order_status_change(order, "Complete")
            back = list(order.lines.filter(product=mine[0])) if turn == 1 else []
            if back:
                amount = handler.calculate_payment_event_subtotal(refund, back, [1])
                handler.handle_payment_event(order, refund, amount, lines=back, line_quantities=[1])
            for line in order.lines.all():
                came_back = sum(event.quantity for event in line.payment_event_quantities.all())
                page = line.product.parent_id or line.product.pk
                sold[address if user is None else user.pk, page] += line.quantity - came_back
    return [[*who_and_what, quantity] for who_and_what, quantity in sold.items() if quantity]

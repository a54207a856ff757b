"""What columns and tables are called in shops: names to roles, in some languages of shops."""

import re

from recommender.setup.proposal.shoptables import ColumnKind, FoundColumn, FoundTable

# Stems are looked for anywhere in a name, words only between its separators.
_CUSTOMER = (
    r"customer|client|kund|buyer|member|shopper|acheteur|klant|debitor|kd_?nr"
    r"|(?<![a-z])(?:users?|account|uid|kd|cust)(?![a-z])"
)
# In German `art` alone is a kind of something; with a number it is an item.
_ITEM = (
    r"product|produ[ck]t|produit|artic|artik|(?<![a-z])art_?(?:nr|no|num|id|code)(?![a-z])"
    r"|(?<![a-z])(?:item|sku|isbn|goods|ware|ean)(?![a-z])"
)
_ORDER = (
    r"order|sale|sold|purchas|invoice|receipt|basket|bestell|auftrag|rechnung|verkauf|kauf|pedido|venta|command"
    r"|facture|(?<![a-z])(?:trans|transaction|bon)(?![a-z])"
)
_LINE = r"line|detail|position|entry|zeile|ligne|linea"
_QUANTITY = (
    r"quant|qty|menge|anzahl|st(?:ue|ü)ck|cantidad|pieces|aantal|(?<![a-z])(?:units|count|anz)(?![a-z])"
)
_PRICE = r"price|preis|prix|precio|prijs"
_STATUS = r"status|(?<![a-z])(?:state|zustand|estado|etat|stage)(?![a-z])"
_EMAIL = r"e_?mail|courriel|(?<![a-z])mail(?![a-z])"
_PERSONAL = r"name|mail|phone|address|adress|note|group|type|count|agent|(?<![a-z])ip(?![a-z])"
_NO_ITEM_KEY = r"name|title|price|preis|cost|type|desc|count|qty|quant|weight|tax|total|amount|menge"
_TITLE = r"(?<![a-z])(?:name|title|titel|label|bezeichnung|designation|nombre|nom|naam|titre)(?![a-z])"
_CATEGORY = r"categ|kategor|warengruppe|rubrik|genre"
# What else is known of an item is taken only where the whole name says so: `price`, no `price_group`.
_OF_ITEM = r"(?:(?:product|produ[ck]to?|produit|artic(?:le|ulo|olo)|artikel|art|item|main|cover|default)_?)?"
_BRAND = (
    rf"{_OF_ITEM}(?:brand|marke|hersteller|manufacturer|marque|fabricante?|marca|merk)(?:_?(?:name|title))?"
)
_ITEM_PRICE = (
    rf"{_OF_ITEM}(?:price|preis|prix|precio|prijs)"
    r"(?:_(?:gross|brutto|incl(?:_(?:tax|vat))?|ttc|eur|usd|gbp|chf))?"
    r"|(?:unit|selling|sales|retail|list|gross)_?price|(?:verkaufs|vk_?|brutto|einzel|end)preis|verkoopprijs"
    r"|prix_(?:de_)?vente|prix_unitaire|precio_(?:de_)?venta|pvp"
)
_URL = rf"{_OF_ITEM}(?:(?:web|page|shop)_?)?(?:url|link|permalink|lien|enlace)"
_IMAGE = (
    rf"{_OF_ITEM}(?:image|img|picture|photo|foto|bild|imagen|afbeelding|thumbnail)"
    r"(?:_?(?:url|link|path|pfad|file|datei|src|main|1))?"
)
_ADDED = (
    r"(?:created|added|inserted|published)(?:_?(?:at|on|date|time|timestamp))?"
    r"|(?:date|time)_(?:created|added|add|inserted|creation|ajout|published)"
    r"|(?:creation|create|insert|add)_?(?:date|time)"
    r"|(?:erstellt|angelegt|erfasst|hinzugef(?:ue|ü)gt|ver(?:oe|ö)ffentlicht)(?:_am)?"
    r"|(?:erstell|anlage|erfassungs)_?datum"
    r"|(?:cr[eé]{2}|ajout[eé])_le|(?:creado|creada)(?:_en|_el)?|fecha_(?:de_)?(?:creaci[oó]n|alta)"
    r"|(?:aangemaakt|toegevoegd)(?:_op)?|aanmaakdatum"
)
_ACTIVE = (
    r"active|aktiv|enabled|visible|published|sellable|available|activo|actif|sichtbar|lieferbar|verf(?:ue|ü)gbar"
    r"|(?<![a-z])online(?![a-z])"
)
_OFF = (
    r"block(?:ed|iert)?(?![a-z])|hidden|disable|inactiv|deactiv|archiv|discontinu|delete(?:d|_flag)?(?![a-z])|removed|withdrawn|retired|suspend|obsolete"
    r"|unpublish|not_(?:available|visible|for_sale)|gesperrt|inaktiv|deaktiv|gel(?:oe|ö)scht|ausgelaufen|versteckt"
    r"|verborgen|bloqu|masqu|d[eé]sactiv|supprim|ocult|borrad|eliminad|descatalogad|geblokkeerd|verwijderd"
)
_SOLD = (
    r"complet|paid|shipped|sent|deliver|fulfil|dispatch|processing|closed|done|success|invoiced|sold"
    r"|bezahlt|versendet|versandt|verschickt|geliefert|abgeschlossen|erledigt|fertig|verkauft"
    r"|pay[eé]e?(?![a-z])|exp[eé]di|livr|termin|pagad|enviad|entregad|betaald|verzonden|geleverd|afgerond"
)
_NOT_SOLD = (
    r"un_?paid|un_?ship|un_?fulfil|incomplet|unsuccess|not_|nicht|awaiting|await|pending|cancel|fail|refus|reject"
    r"|expire|draft|abandon|refund|return|open|offen|storn|abgebrochen|fehlgeschlagen|unbezahlt|zur(?:ue|ü)ck"
    r"|retour|annul|attente|pendient|geannuleerd|gutschrift|erstattet|mahn|fraud|void|denied|wait"
)
_SOLD_AT = rf"{_ORDER}|placed|paid|bought|bezahlt"
_MADE_AT = r"creat|date|dat(?:e|um)|fecha|(?<![a-z])(?:time|at|on|day|timestamp|tag|zeit)(?![a-z])"
_EPOCH = (
    r"creat|date|datum|fecha|time|stamp|epoch|placed|paid|bought|sold|zeit"
    r"|(?<![a-z])(?:ts|at|on|dt|am)(?![a-z])"
)
_RETURNS = r"retour|return|refund|r(?:ue|ü)ckgabe|gutschrift|credit_?note|erstattung|(?<![a-z])rma(?![a-z])"
_OTHER_TIME = (
    r"updat|modif|delet|ship|deliver|birth|due|expir|start|end|login|cancel|gmt|ge(?:ae|ä)ndert|liefer|return"
)
_NO_SALES = (
    r"cart|wish|review|rating|view|visit|log|tmp|temp|backup|old|archive|stock|inventory|price|session|favou?rite"
    rf"|coupon|supplier|warenkorb|lager|merkzettel|{_RETURNS}"
)


def plain(name: str) -> str:
    """`OrderDate` and `order-date` as `order_date`."""
    parted = re.sub(r"(?<=[a-zäöüéè0-9])(?=[A-ZÄÖÜ])", "_", name)
    return re.sub(r"[\W_]+", "_", parted).strip("_").lower()


def _has(pattern: str, name: str) -> bool:
    return re.search(pattern, name) is not None


def _is(pattern: str, column: FoundColumn) -> bool:
    """Whether the whole name is that."""
    return re.fullmatch(pattern, plain(column.name)) is not None


def customer_score(column: FoundColumn) -> float:
    """How much a column looks like the customer's key; 0 for not at all."""
    name = plain(column.name)
    if (
        column.kind not in (ColumnKind.INTEGER, ColumnKind.TEXT)
        or _has(_PERSONAL, name)
        or not _has(_CUSTOMER, name)
    ):
        return 0
    return 2 if _has(r"user|account|uid", name) else 3


def item_score(column: FoundColumn) -> float:
    """How much a column looks like the item's key."""
    name = plain(column.name)
    if (
        column.kind not in (ColumnKind.INTEGER, ColumnKind.TEXT)
        or _has(_NO_ITEM_KEY, name)
        or not _has(_ITEM, name)
    ):
        return 0
    if _has(rf"{_ORDER}|{_LINE}", name):  # an order_item_id is the line's own key
        return 0
    return 2 if _has(r"sku|isbn|ean|item|variant", name) else 3


def time_score(column: FoundColumn) -> float:
    """How much a column looks like the time of the sale."""
    name = plain(column.name)
    is_named = _has(rf"{_SOLD_AT}|{_MADE_AT}", name)
    if column.kind is not ColumnKind.TIME and not (column.kind is ColumnKind.TEXT and _has(_MADE_AT, name)):
        return 0
    score = 2.5 if column.epochs else 3.0 if column.kind is ColumnKind.TIME else 1.5
    score += 1.5 if _has(_SOLD_AT, name) else 1 if is_named else 0
    return max(score - 2 * _has(_OTHER_TIME, name), 0.5)


def may_be_epoch(column: FoundColumn) -> bool:
    """Whether its name allows that its integers are times."""
    return _has(_EPOCH, plain(column.name))


def names_customers(table: str) -> bool:
    """Whether a table is called after customers alone: `ks_customer`, no `customer_address`."""
    return _names(_CUSTOMER, table)


def names_items(table: str) -> bool:
    """Whether a table is called after items alone: `tbl_products`, no `order_items` and no `item_groups`."""
    return _names(rf"{_ITEM}|items", table)


def _names(pattern: str, table: str) -> bool:
    name = plain(table)
    return _has(pattern, name.rpartition("_")[2]) and not _has(rf"{_ORDER}|{_LINE}|{_NO_SALES}", name)


def names_returns(table: str) -> bool:
    """Whether a table is called after what came back."""
    return _has(_RETURNS, plain(table))


def role_of_table(table: FoundTable) -> float:
    """How much a table's name speaks of sales; negative for carts, logs and the like."""
    name = plain(table.name)
    return 2 * _has(_ORDER, name) + 0.5 * _has(_LINE, name) - 6 * _has(rf"(?<![a-z])(?:{_NO_SALES})", name)


def is_quantity(column: FoundColumn) -> bool:
    """Whether it counts pieces."""
    return column.kind in (ColumnKind.INTEGER, ColumnKind.NUMBER) and _has(_QUANTITY, plain(column.name))


def is_price(column: FoundColumn) -> bool:
    """Whether it is the price of a piece."""
    return column.kind in (ColumnKind.INTEGER, ColumnKind.NUMBER) and _has(_PRICE, plain(column.name))


def is_status(column: FoundColumn) -> bool:
    """Whether it tells what became of an order."""
    return column.kind in (ColumnKind.INTEGER, ColumnKind.TEXT, ColumnKind.OTHER) and _has(
        _STATUS, plain(column.name)
    )


def is_email(column: FoundColumn) -> bool:
    """Whether it holds addresses."""
    return column.kind is ColumnKind.TEXT and _has(_EMAIL, plain(column.name))


def is_title(column: FoundColumn) -> bool:
    """Whether it holds a product's name."""
    return column.kind is ColumnKind.TEXT and _has(_TITLE, plain(column.name))


def is_category(column: FoundColumn) -> bool:
    """Whether it groups products."""
    return column.kind in (ColumnKind.INTEGER, ColumnKind.TEXT) and _has(_CATEGORY, plain(column.name))


def is_brand(column: FoundColumn) -> bool:
    """Whether it names a product's maker: not by a number of another table."""
    return column.kind is ColumnKind.TEXT and _is(_BRAND, column)


def is_item_price(column: FoundColumn) -> bool:
    """Whether it is what a product costs now: no price of buying it, no group of prices."""
    return column.kind in (ColumnKind.INTEGER, ColumnKind.NUMBER) and _is(_ITEM_PRICE, column)


def is_url(column: FoundColumn) -> bool:
    """Whether it is the address of a product's page."""
    return column.kind is ColumnKind.TEXT and _is(_URL, column)


def is_image(column: FoundColumn) -> bool:
    """Whether it is the address or the path of a product's image."""
    return column.kind is ColumnKind.TEXT and _is(_IMAGE, column)


def is_added(column: FoundColumn) -> bool:
    """Whether it tells when a product came into the shop."""
    return column.kind is ColumnKind.TIME and _is(_ADDED, column)


def is_active(column: FoundColumn) -> bool:
    """Whether it says that a product is on sale."""
    return (
        column.kind in (ColumnKind.INTEGER, ColumnKind.BOOLEAN, ColumnKind.TEXT)
        and _has(_ACTIVE, plain(column.name))
        and not is_off(column)
    )


def is_off(column: FoundColumn) -> bool:
    """Whether it says that a product is not on sale, or since when."""
    name = plain(column.name)
    kinds = (ColumnKind.INTEGER, ColumnKind.BOOLEAN, ColumnKind.TEXT, ColumnKind.TIME)
    return (
        column.kind in kinds
        and _has(_OFF, name)
        and not (column.kind is ColumnKind.TIME and not column.nullable)
    )


def may_be_sold(status: str) -> bool:
    """Whether a status of an order speaks of a sale."""
    name = plain(status)
    return _has(_SOLD, name) and not is_unsold(status)


def is_unsold(status: str) -> bool:
    """Whether a status of an order speaks of none as yet, or none any more."""
    return _has(_NOT_SOLD, plain(status))


def is_order_key(column: FoundColumn) -> bool:
    """Whether it names an order: not where it is called after the time, the pieces or the price of a sale."""
    name = plain(column.name)
    is_key = column.kind in (ColumnKind.INTEGER, ColumnKind.TEXT) and _has(_ORDER, name)
    time = rf"{_MADE_AT}|placed|paid|bought|(?<![a-z])(?:am|dt|ts)(?![a-z])"
    others = rf"{_STATUS}|{_LINE}|{_PERSONAL}|{time}|{_QUANTITY}|{_PRICE}|item|total|amount|note"
    return is_key and not _has(others, name)


def names_table(column: str, table: str) -> bool:
    """Whether a column is called after a table: `kunde_nr` after `kunden`, `order_id` after `tbl_orders`."""
    core = re.sub(r"(?<![a-z])(?:id|no|nr|num|number|key|fk|ref|code)(?![a-z])", "", plain(column)).strip("_")
    return len(core) >= 4 and any(  # noqa: PLR2004 - shorter stems are in too many words
        name.startswith(core) or core.startswith(name)
        for name in (plain(table), plain(table).rpartition("_")[2])
        if len(name) >= 4  # noqa: PLR2004 - as above
    )

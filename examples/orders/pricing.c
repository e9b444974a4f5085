/* pricing.c - a component that prices orders in integer cents.
 *
 *     python -m airssys_wasm.sdk.build examples/orders/pricing.c -o examples/orders/pricing.wasm
 *
 * It is handed an order as a JSON object and sends what came of it to the actor `ledger`:
 *
 *     {"line":7,"order":"o-000007","customer":"c-0042","currency":"EUR",
 *      "quantity":12,"unit_price":1999,"discount_percent":10,"instalments":3}
 *
 *     {"line":7,"order":"o-000007","status":"priced",
 *      "price":23988,"discount":3598,"tax":4078,"total":24468,"instalment":8156}
 *     {"line":8,"order":"o-000008","status":"rejected","reason":"quantity is not 1 to 1000000"}
 *
 * `discount_percent` and `instalments` may be missing (0 and 1). Percentages are rounded half up
 * to the cent. The configuration: {"tax_percent":20,"bulk_quantity":10,"bulk_discount_percent":5}.
 *
 * On purpose, nothing here looks whether `instalments` is zero: such an order divides by zero and
 * the component traps. Its supervisor starts it again, and the orders behind it are priced.
 */
#include "airssys.h"
#include "json.h"

#define MAX_QUANTITY 1000000
#define MAX_UNIT_PRICE 100000000 /* a million in the currency: the sums stay far inside 64 bits */
#define MAX_LINE 1000000000000000

static struct {
    int64_t tax_percent;
    int64_t bulk_quantity; /* from this quantity on the bulk discount is added; 0: never */
    int64_t bulk_discount_percent;
} config = {20, 10, 5};

typedef struct {
    json_value line, order, customer, currency;
    json_value quantity, unit_price, discount_percent, instalments;
    unsigned seen; /* a bit for each field that was there */
    const char *twice;
} order_fields;

static const struct {
    const char *name;
    size_t offset;
} FIELDS[] = {
    {"line", offsetof(order_fields, line)},
    {"order", offsetof(order_fields, order)},
    {"customer", offsetof(order_fields, customer)},
    {"currency", offsetof(order_fields, currency)},
    {"quantity", offsetof(order_fields, quantity)},
    {"unit_price", offsetof(order_fields, unit_price)},
    {"discount_percent", offsetof(order_fields, discount_percent)},
    {"instalments", offsetof(order_fields, instalments)},
};

static const char *const CURRENCIES[] = {"CHF", "EUR", "GBP", "USD"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool same(const char *left, const char *right) {
    while (*left && *left == *right) left++, right++;
    return *left == *right;
}

static bool within(const json_value *value, int64_t low, int64_t high) {
    return value->kind == JSON_INTEGER && value->integer >= low && value->integer <= high;
}

/* ---- Configuration --------------------------------------------------------------------------- */

static void read_setting(const char *name, const json_value *value, void *into) {
    const char **error = into;
    if (same(name, "tax_percent") && within(value, 0, 100))
        config.tax_percent = value->integer;
    else if (same(name, "bulk_quantity") && within(value, 0, MAX_QUANTITY))
        config.bulk_quantity = value->integer;
    else if (same(name, "bulk_discount_percent") && within(value, 0, 100))
        config.bulk_discount_percent = value->integer;
    else
        *error = "config: tax_percent and bulk_discount_percent are 0 to 100, "
                 "bulk_quantity is 0 to 1000000, and there is nothing else";
}

airssys_result airssys_on_initialize(const airssys_config *given) {
    const char *error = NULL, *wrong;
    if (!given->config_data.present) return airssys_ok();
    wrong = json_read_object(given->config_data.value.data, given->config_data.value.length,
                             read_setting, &error);
    if (wrong) error = wrong;
    if (error) return airssys_fail(AIRSSYS_COMPONENT_INITIALIZATION_FAILED, error);
    return airssys_ok();
}

/* ---- One order ------------------------------------------------------------------------------- */

static void read_field(const char *name, const json_value *value, void *into) {
    order_fields *fields = into;
    for (size_t i = 0; i < COUNT(FIELDS); i++)
        if (same(name, FIELDS[i].name)) {
            if (fields->seen & 1u << i) fields->twice = "a field is there twice";
            fields->seen |= 1u << i;
            *(json_value *)((char *)fields + FIELDS[i].offset) = *value;
        }
}

static bool is_text(const json_value *value) {
    return value->kind == JSON_STRING && value->text[0] && !value->text_cut;
}

static bool is_currency(const json_value *value) {
    if (!is_text(value)) return false;
    for (size_t i = 0; i < COUNT(CURRENCIES); i++)
        if (same(value->text, CURRENCIES[i])) return true;
    return false;
}

/* Why the order is rejected, or NULL. */
static const char *reason_against(const order_fields *order) {
    if (order->twice) return order->twice;
    if (!is_text(&order->order)) return "order is not a text of 1 to 63 bytes";
    if (!is_text(&order->customer)) return "customer is not a text of 1 to 63 bytes";
    if (!is_currency(&order->currency)) return "currency is not one of CHF, EUR, GBP, USD";
    if (!within(&order->quantity, 1, MAX_QUANTITY)) return "quantity is not 1 to 1000000";
    if (!within(&order->unit_price, 0, MAX_UNIT_PRICE)) return "unit_price is not 0 to 100000000";
    if (!within(&order->discount_percent, 0, 100)) return "discount_percent is not 0 to 100";
    if (!within(&order->instalments, 0, 60)) return "instalments is not 0 to 60";
    return NULL;
}

static int64_t percent_of(int64_t cents, int64_t percent) { return (cents * percent + 50) / 100; }

static void write_prices(json_writer *out, const order_fields *order) {
    int64_t percent = order->discount_percent.integer;
    if (config.bulk_quantity && order->quantity.integer >= config.bulk_quantity)
        percent += config.bulk_discount_percent;
    if (percent > 100) percent = 100;
    int64_t price = order->quantity.integer * order->unit_price.integer;
    int64_t discount = percent_of(price, percent);
    int64_t tax = percent_of(price - discount, config.tax_percent);
    int64_t total = price - discount + tax;
    json_write_integer(out, "price", price);
    json_write_integer(out, "discount", discount);
    json_write_integer(out, "tax", tax);
    json_write_integer(out, "total", total);
    json_write_integer(out, "instalment", total / order->instalments.integer);
}

airssys_result airssys_on_message(const airssys_message *message) {
    order_fields order = {.discount_percent = {.kind = JSON_INTEGER, .integer = 0},
                          .instalments = {.kind = JSON_INTEGER, .integer = 1}};
    json_writer out = {.length = 0};
    const char *reason =
        json_read_object(message->payload.data, message->payload.length, read_field, &order);
    if (!reason) reason = reason_against(&order);

    if (within(&order.line, 0, MAX_LINE)) json_write_integer(&out, "line", order.line.integer);
    if (is_text(&order.order)) json_write_string(&out, "order", order.order.text);
    json_write_string(&out, "status", reason ? "rejected" : "priced");
    if (reason)
        json_write_string(&out, "reason", reason);
    else
        write_prices(&out, &order);
    json_put(&out, '}');

    airssys_error error;
    if (!airssys_send(airssys_named("ledger"), out.data, out.length, &error)) {
        airssys_result failed = airssys_fail_text(AIRSSYS_WASM_RUNTIME_ERROR, error.text);
        airssys_log_with(AIRSSYS_ERROR, airssys_str("the ledger did not get a result"),
                         &(airssys_pair){airssys_str("error"), error.text}, 1);
        airssys_error_free(&error);
        return failed;
    }
    return airssys_ok();
}

airssys_description airssys_describe(void) {
    static const char *const operations[] = {"price", NULL};
    return (airssys_description){
        .name = "pricing",
        .version = "1.0.0",
        .description = "Prices orders in integer cents",
        .license = "Apache-2.0",
        .supported_operations = operations,
        .stateful = false,
    };
}

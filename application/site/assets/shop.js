"use strict";
// The storefront: /, /products/<id> and /cart, drawn from the application's /api.

const content = document.getElementById("content");
const money = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });

async function api(path, options) {
  const response = await fetch(`/api${path}`, options);
  if (response.status >= 500) throw new Error(`${path}: ${response.status}`);
  return response;
}

// Fill the places of a template: [data-name] takes the text of `name`.
function filled(template, values) {
  const made = document.getElementById(template).content.cloneNode(true);
  for (const [name, value] of Object.entries(values)) {
    for (const place of made.querySelectorAll(`[data-${name}]`)) {
      if (name === "link") place.href = value;
      else if (name === "image") place.src = value;
      else place.textContent = value;
    }
  }
  return made;
}

function element(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

const shown = (product) => ({
  name: product.name,
  price: money.format(product.price_cents / 100),
  description: product.description,
  image: product.image,
  link: `/products/${product.id}`,
});

const readCart = async () => (await api("/cart")).json();

// Somebody else may have changed the cart meanwhile: then read it again and change that one.
async function changeCart(productId, change) {
  for (let attempt = 0; attempt < 3; attempt++) {
    const { version, quantities } = await readCart();
    const quantity = Math.min(20, Math.max(0, change(quantities[productId] ?? 0)));
    if (quantity) quantities[productId] = quantity;
    else delete quantities[productId];
    const headers = { "Content-Type": "application/json", "If-Match": `"${version}"` };
    const response = await api("/cart", { method: "PUT", headers, body: JSON.stringify({ quantities }) });
    if (response.ok) return showCount(await response.json());
  }
  throw new Error("The cart changes too quickly.");
}

function showCount({ quantities }) {
  document.getElementById("cart-count").textContent = Object.values(quantities).reduce((sum, each) => sum + each, 0) || "";
}

async function catalogue() {
  const { products } = await (await api("/products")).json();
  const shelf = element("ul", "", "shelf");
  shelf.append(...products.map((each) => filled("product-card", shown(each))));
  const lead = element("p", "Mugs, bowls and vases, thrown one at a time in a workshop above the harbour.", "lead");
  return ["Shop", element("h1", "Stoneware for every day"), lead, shelf];
}

async function productPage(id) {
  const response = await api(`/products/${id}`);
  if (!response.ok) return notFound();
  const product = await response.json();
  const page = filled("product-page", shown(product));
  const said = page.querySelector("[data-said]");
  const there = page.querySelector("[data-there]");
  page.querySelector("[data-add]").addEventListener("click", async () => {
    try {
      await changeCart(product.id, (quantity) => quantity + 1);
      said.textContent = `${product.name} is in your cart.`;
      there.hidden = false;
    } catch {
      said.textContent = "That did not work. Please try again in a moment.";
    }
  });
  return [product.name, page];
}

async function cartPage() {
  const [{ products }, { quantities }] = await Promise.all([(await api("/products")).json(), readCart()]);
  const chosen = products.filter((each) => quantities[each.id]);
  if (!chosen.length) return message("Your cart is empty", "The shelves are not.", "/", "To the shop");
  let total = 0;
  const lines = chosen.map((product) => {
    const sum = product.price_cents * quantities[product.id];
    total += sum;
    const line = filled("cart-line", { ...shown(product), price: money.format(sum / 100) });
    const input = line.querySelector("[data-quantity]");
    input.value = quantities[product.id];
    input.setAttribute("aria-label", `Quantity of ${product.name}`);
    input.addEventListener("change", () => changeCart(product.id, () => Number(input.value)).then(show, show));
    return line;
  });
  const table = filled("cart-table", { total: money.format(total / 100) });
  table.querySelector("tbody").append(...lines);
  return ["Your cart", element("h1", "Your cart"), table];
}

const notFound = () => message("Not on our shelves", "We do not have what you are looking for.", "/", "To the shop");
const unavailable = () => message("Back in a moment", "The shop does not answer just now. Please try again shortly.");

function message(title, text, link, name) {
  const box = element("div", "", "message");
  const mark = document.querySelector(".brand img").cloneNode();
  mark.width = mark.height = 96;
  box.append(mark, element("h1", title), element("p", text));
  if (link) {
    const there = element("a", name, "button");
    there.href = link;
    box.append(there);
  }
  return [title, box];
}

async function page() {
  // Pages may be served from where the application is not; then this says where it is, and nothing else is asked for.
  const { application } = await (await fetch("/site.json")).json();
  if (application) {
    const there = new URL(location.pathname, application).href;
    return message("This is the shop window", "To browse and to buy, come in: the shop itself is next door.", there, "Open the shop");
  }
  const path = location.pathname;
  const product = /^\/products\/(\d{1,9})$/.exec(path);
  readCart().then(showCount, () => {}); // without it, the page is still worth seeing
  if (path === "/") return catalogue();
  if (path === "/cart") return cartPage();
  return product ? productPage(product[1]) : notFound();
}

async function show() {
  let view;
  try {
    view = await page();
  } catch {
    view = unavailable();
  }
  const [title, ...parts] = view;
  document.title = `${title} · Stoneware by the sea`;
  content.replaceChildren(...parts);
}

show();

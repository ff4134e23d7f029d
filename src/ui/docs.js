/**
 * The reference page of the API, made from its OpenAPI document. What it shows is text, put in as text: nothing becomes markup.
 */

/** @typedef {Record<string, any>} Schemas */
/** @typedef {{ made: HTMLElement, haystack: string }} Found */

/** Schemas that name others are opened so deep, and no deeper: some name themselves. */
const DEPTH = 4;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/**
 * An element with children; texts become text.
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string | null)} children
 */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * The schema that a reference names, or the schema itself.
 * @param {any} schema
 * @param {Schemas} schemas
 * @returns {any}
 */
function resolved(schema, schemas) {
  const name = schema?.$ref?.split('/').pop();
  return name ? schemas[name] ?? {} : schema ?? {};
}

/**
 * What a schema is, in a few words.
 * @param {any} schema
 * @returns {string}
 */
function kindOf(schema) {
  if (schema?.$ref) return schema.$ref.split('/').pop();
  if (schema?.enum) return schema.enum.map((/** @type {unknown} */ word) => JSON.stringify(word)).join(' | ');
  const parts = schema?.oneOf ?? schema?.anyOf;
  if (parts) return [...new Set(parts.map(kindOf))].join(' | ');
  if (schema?.allOf) return 'object';
  const type = [schema?.type ?? 'anything'].flat();
  if (type.includes('array')) return `list of ${kindOf(schema.items)}`;
  const format = schema?.format ? ` (${schema.format})` : '';
  return type.join(' | ') + format;
}

/**
 * The schemas that a schema is made of, or that its items are.
 * @param {any} schema
 * @param {Schemas} schemas
 * @returns {any[]}
 */
function parts(schema, schemas) {
  const whole = resolved(schema, schemas);
  return [...(whole.allOf ?? []), ...(whole.oneOf ?? []), ...(whole.anyOf ?? []), ...(whole.items ? [whole.items] : [])];
}

/**
 * The fields of a schema, those that it is put together of included.
 * @param {any} schema
 * @param {Schemas} schemas
 * @returns {{ name: string, field: any, isRequired: boolean }[]}
 */
function fieldsOf(schema, schemas) {
  const whole = resolved(schema, schemas);
  const own = Object.entries(whole.properties ?? {}).map(([name, field]) => ({
    name,
    field,
    isRequired: (whole.required ?? []).includes(name),
  }));
  return [...(whole.allOf ?? []).flatMap((/** @type {any} */ part) => fieldsOf(part, schemas)), ...own];
}

/**
 * The fields of a schema as a list, with those of their own below.
 * @param {any} schema
 * @param {Schemas} schemas
 * @param {number} depth
 * @returns {HTMLElement | null}
 */
function fieldList(schema, schemas, depth) {
  const fields = fieldsOf(schema, schemas);
  const below = fields.length > 0 ? [] : parts(schema, schemas);
  const shown = fields.map(({ name, field, isRequired }) => {
    const about = field.description ?? resolved(field, schemas).description ?? '';
    const head = [element('code', {}, name), `: ${kindOf(field)}${isRequired ? '' : ', may be absent'}. ${about}`];
    return element('li', {}, ...head, depth > 0 ? fieldList(field, schemas, depth - 1) : null);
  });
  if (shown.length > 0) return element('ul', {}, ...shown);
  const lists = depth > 0 ? below.map((part) => fieldList(part, schemas, depth - 1)).filter((list) => list !== null) : [];
  return lists.length > 0 ? element('div', {}, ...lists) : null;
}

/**
 * A table of a route's parameters.
 * @param {any[]} parameters
 * @param {Schemas} schemas
 */
function parameterTable(parameters, schemas) {
  if (parameters.length === 0) return null;
  const rows = parameters.map((parameter) =>
    element(
      'tr',
      {},
      element('td', {}, element('code', {}, parameter.name)),
      element('td', {}, `${parameter.in}${parameter.required ? '' : ', optional'}`),
      element('td', {}, kindOf(parameter.schema)),
      element('td', {}, parameter.description ?? resolved(parameter.schema, schemas).description ?? ''),
    ),
  );
  const head = ['parameter', 'where', 'what', 'meaning'].map((title) => element('th', { scope: 'col' }, title));
  return element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows));
}

/**
 * What a body or an answer holds.
 * @param {Record<string, any> | undefined} content
 * @param {Schemas} schemas
 */
function contents(content, schemas) {
  return Object.entries(content ?? {}).map(([type, { schema }]) =>
    element('div', {}, element('code', {}, type), `: ${kindOf(schema)}`, fieldList(schema, schemas, DEPTH)),
  );
}

/**
 * One route, closed; what is in it is made when it is first opened.
 * @param {string} path
 * @param {string} method
 * @param {any} operation
 * @param {Schemas} schemas
 */
function route(path, method, operation, schemas) {
  const title = element('summary', {}, element('code', {}, `${method.toUpperCase()} ${path}`), ` ${operation.summary ?? ''}`);
  const made = element('details', { id: `${method}-${path}` }, title);
  const fill = () => {
    const about = operation.description ? element('p', {}, operation.description) : null;
    const body = contents(operation.requestBody?.content, schemas);
    const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) =>
      element(
        'div',
        {},
        element('h4', {}, `${status} ${answer.description ?? ''}`),
        ...(status.startsWith('2') ? contents(answer.content, schemas) : []),
      ),
    );
    const taken = body.length > 0 ? [element('h4', {}, 'Body'), ...body] : [];
    made.append(...[about, parameterTable(operation.parameters ?? [], schemas), ...taken, ...answers].filter((part) => part !== null));
  };
  made.addEventListener('toggle', fill, { once: true });
  return made;
}

/**
 * Shows the routes that hold all the words, and how many they are.
 * @param {Found[]} found
 * @param {HTMLElement[]} sections
 * @param {HTMLElement} count
 */
function searching(found, sections, count) {
  return (/** @type {string} */ text) => {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word !== '');
    let shown = 0;
    for (const { made, haystack } of found) {
      made.hidden = !words.every((word) => haystack.includes(word));
      if (!made.hidden) shown += 1;
    }
    for (const section of sections) section.hidden = [...section.querySelectorAll('details')].every((made) => made.hidden);
    count.textContent = `${shown} of ${found.length} routes`;
  };
}

async function start() {
  const [about, routes, count] = ['about', 'routes', 'count'].map((id) => /** @type {HTMLElement} */ (document.getElementById(id)));
  const search = /** @type {HTMLInputElement} */ (document.getElementById('search'));
  const answer = await fetch('openapi.json');
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const description = await answer.json();
  const schemas = description.components?.schemas ?? {};
  about.textContent = `${description.info.description} Version ${description.info.version}.`;
  /** @type {Found[]} */
  const found = [];
  const sections = (description.tags ?? []).map((/** @type {any} */ tag) => {
    const section = element('section', {}, element('h2', {}, tag.description ?? tag.name));
    for (const [path, item] of Object.entries(description.paths)) {
      for (const method of METHODS.filter((name) => item[name]?.tags?.includes(tag.name))) {
        const made = route(path, method, item[method], schemas);
        found.push({ made, haystack: `${method} ${path} ${JSON.stringify(item[method])}`.toLowerCase() });
        section.append(made);
      }
    }
    return section;
  });
  routes.replaceChildren(...sections);
  const look = searching(found, sections, count);
  search.addEventListener('input', () => look(search.value));
  look('');
}

start().catch((error) => {
  const about = document.getElementById('about');
  if (about) about.textContent = `The document cannot be shown: ${error.message}`;
});

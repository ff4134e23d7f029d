/** The models of `config/models.json`, as GET /models answers it: by key, beside `$schema`. */

/**
 * @typedef {Object} Model
 * @property {string} key
 * @property {string} provider
 * @property {string} model_name
 * @property {{ input?: number, output?: number, request?: number } | null} price of a million tokens
 * @property {string[]} fallback keys of models that are asked when it does not answer
 * @property {number | null} context_tokens
 * @property {string | null} secret where its key lies; never the key
 */

/**
 * @param {any} file
 * @returns {Model[]} by key
 */
export function modelsOf(file) {
  return Object.entries(file ?? {})
    .filter(([key, model]) => key !== '$schema' && model && typeof model === 'object' && typeof model.provider === 'string')
    .map(([key, model]) => ({
      key,
      provider: model.provider,
      model_name: String(model.model_name ?? ''),
      price: model.price && typeof model.price === 'object' ? model.price : null,
      fallback: Array.isArray(model.fallback) ? model.fallback.map(String) : [],
      context_tokens: typeof model.context_tokens === 'number' ? model.context_tokens : null,
      secret: typeof model.key === 'string' ? model.key : null,
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

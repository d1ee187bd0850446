// Formatting of numbers, dates and names.

const number = new Intl.NumberFormat('en')
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const dayAndYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long' })
const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'medium' })

/** @param {number} n */
export const count = (n) => number.format(n)

/** @param {number} n @param {string} one @param {string} [many] */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`

/** @param {string} iso @param {Date} [now] */
export function shortDate(iso, now = new Date()) {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return ''
  const days = Math.round((new Date(now.toDateString()).getTime() - new Date(at.toDateString()).getTime()) / 86_400_000)
  if (days === 0) return time.format(at)
  if (days === 1) return 'Yesterday'
  if (days > 1 && days < 7) return weekday.format(at)
  return (at.getFullYear() === now.getFullYear() ? day : dayAndYear).format(at)
}

/** @param {string} iso */
export const longDate = (iso) => dayAndYear.format(new Date(iso))

/** @param {string} iso */
export const exactDate = (iso) => exact.format(new Date(iso))

/** @param {number} bytes */
export function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let i = 0
  for (; bytes >= 1000 && i < units.length - 1; i++) bytes /= 1000
  return `${bytes < 10 && i > 0 ? bytes.toFixed(1) : Math.round(bytes)} ${units[i]}`
}

const names = /** @type {Record<string, string>} */ ({
  chatgpt: 'ChatGPT', claude: 'Claude', gemini: 'Gemini', grok: 'Grok', deepseek: 'DeepSeek', perplexity: 'Perplexity',
  lechat: 'Le Chat', copilot: 'Copilot', typingmind: 'TypingMind', openwebui: 'Open WebUI', librechat: 'LibreChat',
  chatwise: 'ChatWise', vscode: 'VS Code', 'claude-code': 'Claude Code', codex: 'Codex', 'gemini-cli': 'Gemini CLI',
  'qwen-code': 'Qwen Code', opencode: 'OpenCode', cursor: 'Cursor', 'grok-build': 'Grok Build', kimi: 'Kimi', aider: 'Aider', custom: 'Other',
})

/** @param {string} platform */
export const platformName = (platform) => (Object.hasOwn(names, platform) ? names[platform] : platform)

const unspaced = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

/**
 * A pattern of the words of a query, as they are marked in texts: a short word stands for
 * itself, a long one also for the words that begin with it. The service finds the same ones.
 * @param {string} query
 * @returns {RegExp|null} null without a word
 */
export function patternOf(query) {
  const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) || [])]
  if (!words.length) return null
  return new RegExp(words.map((w) => (unspaced.test(w) ? w : `(?<![\\p{L}\\p{N}])${w}${[...w].length > 3 ? '' : '(?![\\p{L}\\p{N}])'}`)).join('|'), 'giu')
}

/** Environment files: what `docker run --env-file`, Compose, dotenv libraries and `JSON.parse` read. Pure. */

export interface NamedValue {
  name: string
  value: string
}

export interface Encoding {
  /** Names that can be written. */
  names: RegExp
  /** Why this value cannot be written, in words that follow "its value". NUL is refused for all. */
  refuse: (name: string, value: string) => string | undefined
  write: (variables: readonly NamedValue[]) => string
}

const PLAIN = /^[A-Za-z0-9_./:@%+,-]+$/

const lines =
  (write: (variable: NamedValue) => string) =>
  (variables: readonly NamedValue[]): string =>
    variables.map(variable => `${write(variable)}\n`).join('')

/** Docker's reader takes lines of at most 64 KiB and leaves no way to quote. Reference: docker/cli opts/file.go. */
const DOCKER_LINE_BYTES = 65_535

export const docker: Encoding = {
  names: /^[^\s=#][^\s=]*$/,
  refuse: (name, value) => {
    if (/[\r\n]/.test(value)) return 'has several lines, and docker reads one line for each variable'
    if (Buffer.byteLength(name) + 1 + Buffer.byteLength(value) > DOCKER_LINE_BYTES)
      return 'is longer than the 64 KiB that docker reads of a line'
    return undefined
  },
  write: lines(({ name, value }) => `${name}=${value}`)
}

/**
 * The dotenv that `node --env-file` and npm's dotenv read: three kinds of quotes, no escapes but `\n` between double ones, and no carriage returns.
 */
export const dotenv: Encoding = {
  names: /^[A-Za-z_][A-Za-z0-9_.-]*$/,
  refuse: (_name, value) => {
    if (value.includes('\r')) return 'holds a carriage return, which dotenv readers drop'
    return PLAIN.test(value) || value === '' || dotenvQuote(value) !== undefined
      ? undefined
      : 'holds all three kinds of quotes, and dotenv has no escape for one'
  },
  write: lines(({ name, value }) => {
    if (PLAIN.test(value)) return `${name}=${value}`
    const quote = dotenvQuote(value) ?? "'"
    return `${name}=${quote}${value}${quote}`
  })
}

const dotenvQuote = (value: string): string | undefined => {
  if (!value.includes("'")) return "'"
  if (!value.includes('"') && !value.includes('\\n') && !value.includes('$')) return '"'
  return value.includes('`') ? undefined : '`'
}

/** Compose's `env_file`: literal between single quotes; between double ones `$` and `\` are escaped. Reference: compose-go dotenv/parser.go. */
export const compose: Encoding = {
  names: /^[A-Za-z_][A-Za-z0-9_.-]*$/,
  refuse: () => undefined,
  write: lines(({ name, value }) => {
    if (PLAIN.test(value)) return `${name}=${value}`
    if (!value.includes("'") && !value.endsWith('\\')) return `${name}='${value}'`
    return `${name}="${value.replace(/[\\"$]/g, '\\$&').replaceAll('\r', '\\r')}"`
  })
}

/** One object, names to values. */
export const json: Encoding = {
  names: /^/,
  refuse: () => undefined,
  write: variables => `${JSON.stringify(Object.fromEntries(variables.map(({ name, value }) => [name, value])), null, 2)}\n`
}

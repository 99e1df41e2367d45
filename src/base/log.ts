/** Injected logger. A message is a constant phrase, everything variable is a field; secrets are masked before they reach a sink. */

export const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const
export type Level = (typeof LEVELS)[number]
export type Fields = Readonly<Record<string, unknown>>

export interface LogRecord {
  level: Level
  scope: string
  message: string
  fields: Fields
}

export interface Logger {
  error(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  debug(message: string, fields?: Fields): void
  trace(message: string, fields?: Fields): void
  child(scope: string): Logger
}

const SECRET_FIELD = /^(?:authorization|cookie|set-cookie|password|token|secret|tunnelId|tunnel\.id)$/i
const UUID = /\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi

/** Shortens every UUID in a text: a tunnel id is a bearer secret (`10bc451e…`). */
export const maskUuids = (text: string): string => text.replace(UUID, '$1…')

/** A copy of the fields in which secrets are masked. */
export function redact(fields: Fields): Fields {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(fields)) {
    if (SECRET_FIELD.test(key)) out[key] = '••••••'
    else if (typeof value === 'string') out[key] = maskUuids(value)
    else if (value instanceof Error) out[key] = maskUuids(value.message)
    else out[key] = value
  }
  return out
}

export function logger(sink: (record: LogRecord) => void, level: Level, scope = ''): Logger {
  const limit = LEVELS.indexOf(level)
  const at =
    (name: Level) =>
    (message: string, fields: Fields = {}) => {
      if (LEVELS.indexOf(name) <= limit) sink({ level: name, scope, message, fields: redact(fields) })
    }
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: name => logger(sink, level, scope === '' ? name : `${scope}.${name}`)
  }
}

const nothing = (): void => {}
/** Says nothing: the default of every library function. */
export const silent: Logger = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  child: () => silent
}

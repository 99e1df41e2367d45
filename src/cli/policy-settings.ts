/** `--policy FILE`: who may bind what. YAML; passwords may live in files of their own, as a mounted Secret has them. Throws CONFIG_INVALID. */
import { isMap, LineCounter, parseDocument } from 'yaml'
import { asError, InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import type { Credentials, Grant } from '../server/bind.ts'

type ReadFile = (path: string) => string

const KEYS = ['user', 'password', 'passwordFile', 'sha256', 'tunnels', 'maxWeight', 'filters', 'mirror']
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function withPolicy<T extends { credentials?: readonly Credentials[] }>(
  options: T,
  { file, readFile }: { file: string | undefined; readFile: ReadFile }
): T {
  if (file === undefined) return options
  return { ...options, credentials: [...(options.credentials ?? []), ...parsePolicy(readText('--policy', file, readFile), file, readFile)] }
}

/** Values stay out of the messages: they may be secrets. */
export function parsePolicy(text: string, shown: string, readFile: ReadFile): Credentials[] {
  const lines = new LineCounter()
  const invalid = (at: number, what: string): InterceptError =>
    new InterceptError('CONFIG_INVALID', `${shown}, line ${lines.linePos(at).line}: ${what}`, {
      hint: 'a user has user, one of password, passwordFile and sha256, and maybe tunnels, maxWeight, filters and mirror: see docs/server.md'
    })
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, logLevel: 'error' })
  const [bad] = [...document.errors, ...document.warnings]
  if (bad !== undefined) throw invalid(bad.pos[0], 'no valid YAML')
  const users = isMap(document.contents) && document.contents.items.length === 1 ? document.contents.get('users', true) : undefined
  const items = typeof users === 'object' && users !== null && 'items' in users && Array.isArray(users.items) ? users.items : []
  // An empty list would let everybody bind.
  if (items.length === 0) throw invalid(0, 'the file must hold "users:" with at least one user, and nothing else')
  const seen = new Set<string>()
  return items.map((item: unknown) => {
    if (!isMap(item)) throw invalid(0, 'each user must be keys and values')
    const at = item.range?.[0] ?? 0
    const fields = item.toJSON() as Record<string, unknown>
    const unknown = Object.keys(fields).find(key => !KEYS.includes(key))
    if (unknown !== undefined) throw invalid(at, `there is no ${JSON.stringify(printable(unknown, 60))} of a user`)
    const { user } = fields
    if (typeof user !== 'string' || user === '' || user.includes(':')) throw invalid(at, 'user must be a text without a colon')
    if (seen.has(user)) throw invalid(at, `${JSON.stringify(printable(user, 60))} stands twice`)
    seen.add(user)
    const wrong = wrongGrant(fields) ?? wrongSecret(fields)
    if (wrong !== undefined) throw invalid(at, wrong)
    return { user, ...secretOf(fields, readFile), ...grantOf(fields) }
  })
}

function wrongGrant({ tunnels, maxWeight, filters, mirror }: Record<string, unknown>): string | undefined {
  if (tunnels !== undefined && !(Array.isArray(tunnels) && tunnels.every(id => typeof id === 'string' && UUID.test(id))))
    return 'tunnels must be a list of tunnel ids'
  if (maxWeight !== undefined && !(Number.isInteger(maxWeight) && Number(maxWeight) >= 1 && Number(maxWeight) <= 255))
    return 'maxWeight must be a whole number from 1 to 255'
  if (filters !== undefined && typeof filters !== 'boolean') return 'filters must be true or false'
  return mirror === undefined || typeof mirror === 'boolean' ? undefined : 'mirror must be true or false'
}

function wrongSecret({ password, passwordFile, sha256 }: Record<string, unknown>): string | undefined {
  const given = [password, passwordFile, sha256].filter(value => value !== undefined)
  if (given.length !== 1 || typeof given[0] !== 'string' || given[0] === '')
    return 'exactly one of password, passwordFile and sha256 is needed, as a text'
  return typeof sha256 === 'string' && !/^[0-9a-f]{64}$/i.test(sha256) ? 'sha256 must be 64 hexadecimal digits' : undefined
}

function secretOf(
  { password, passwordFile, sha256 }: Record<string, unknown>,
  readFile: ReadFile
): Pick<Credentials, 'password' | 'sha256'> {
  if (typeof sha256 === 'string') return { sha256 }
  if (typeof passwordFile === 'string') return { password: readText('passwordFile', passwordFile, readFile).replace(/\r?\n$/, '') }
  return { password: String(password) }
}

const grantOf = ({ tunnels, maxWeight, filters, mirror }: Record<string, unknown>): Grant => ({
  ...(Array.isArray(tunnels) && { tunnels: tunnels.map(id => String(id).toLowerCase()) }),
  ...(typeof maxWeight === 'number' && { maxWeight }),
  ...(typeof filters === 'boolean' && { filters }),
  ...(typeof mirror === 'boolean' && { mirror })
})

function readText(what: string, file: string, readFile: ReadFile): string {
  try {
    return readFile(file)
  } catch (cause) {
    throw new InterceptError('CONFIG_INVALID', `${what}: ${printable(file, 100)} cannot be read (${asError(cause).message})`, {
      hint: 'mount the Secret that holds it: kubectl get secret -o name',
      cause
    })
  }
}

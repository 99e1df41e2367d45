/** The line protocol: `{"id","command","args"}` in, `{"v":1,"type":"command.result","id","ok",…}` and events out. What is no such thing is refused, not thrown. */
import type { ErrorShape } from '../event/types.ts'

export type Args = Readonly<Record<string, unknown>>
export type Result = Readonly<Record<string, unknown>>

export interface ControlRequest {
  id: string
  command: string
  args: Args
}

export interface ControlAnswer {
  v: 1
  type: 'command.result'
  id: string
  ok: boolean
  result?: Result
  error?: ErrorShape
}

export interface TargetInfo {
  name: string
  state: string
  workload: string | undefined
  /** Undefined where an older version runs, or without a cluster. */
  namespace?: string | undefined
  local: string | undefined
  weight: number | undefined
  /** Of the visitors that stay here, 0…1. */
  share?: number | undefined
  /** Gets copies, and no visitor. */
  mirror?: true | undefined
}

/** Which cluster a session is of, by its API server. */
export interface SessionCluster {
  context: string
  server: string
}

/** What a running session tells of itself. */
export interface SessionInfo {
  pid: number
  session: string
  user: string
  version: string
  command: string
  /** Undefined: it intercepts. */
  kind?: string | undefined
  startedAt: string
  /** Undefined without a cluster, and where an older version runs. */
  cluster?: SessionCluster | undefined
  targets: TargetInfo[]
}

export const MAX_LINE_BYTES = 65_536
const MAX_NAME = 64

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // not JSON: the caller refuses the line
  }
}

export function readRequest(line: string): ControlRequest | undefined {
  const { id, command, args = {} } = parseObject(line) ?? {}
  if (typeof id !== 'string' || id.length > MAX_NAME || typeof command !== 'string' || command.length > MAX_NAME) return undefined
  return isObject(args) ? { id, command, args } : undefined
}

/** Undefined for an event, or for something else. */
export function readAnswer(line: string): ControlAnswer | undefined {
  const { type, id, ok, result, error } = parseObject(line) ?? {}
  if (type !== 'command.result' || typeof id !== 'string' || typeof ok !== 'boolean') return undefined
  const answer: ControlAnswer = { v: 1, type, id, ok }
  if (isObject(result)) answer.result = result
  if (isObject(error)) answer.error = readErrorShape(error)
  return answer
}

function readErrorShape({ code, message, hint }: Record<string, unknown>): ErrorShape {
  return { code: text(code) ?? '', message: text(message) ?? 'no reason given', ...(typeof hint === 'string' ? { hint } : {}) }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

/** Another version of this program may say more or less. */
export function readSessionInfo(value: Result): SessionInfo | undefined {
  const { pid, session, user, version, command, kind, startedAt, cluster, targets } = value
  if (typeof pid !== 'number' || typeof session !== 'string') return undefined
  const list = Array.isArray(targets) ? targets.filter(isObject) : []
  return {
    pid,
    session,
    user: text(user) ?? '',
    version: text(version) ?? '',
    command: text(command) ?? '',
    ...(typeof kind === 'string' && { kind }),
    startedAt: text(startedAt) ?? '',
    ...readCluster(cluster),
    targets: list.flatMap(target => {
      const name = text(target['name'])
      if (name === undefined) return []
      const { state, workload, namespace, local, weight, share, mirror } = target
      return [
        {
          name,
          state: text(state) ?? '',
          workload: text(workload),
          namespace: text(namespace),
          local: text(local),
          weight: number(weight),
          share: number(share),
          ...(mirror === true && { mirror })
        }
      ]
    })
  }
}

function readCluster(value: unknown): { cluster?: SessionCluster } {
  if (!isObject(value)) return {}
  const server = text(value['server'])
  return server === undefined ? {} : { cluster: { context: text(value['context']) ?? '', server } }
}

/** `--forward [LOCAL:]TARGET:PORT`: as typed → its parts, and where it leads. */
import type { Endpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { type Destination, type Names, ofPod, ofService, type PortRef, resolveName } from './resolve-name.ts'

export interface Forward {
  /** As typed. */
  text: string
  /** Port 0: any. */
  local: Endpoint
  kind: 'service' | 'pod' | 'name'
  name: string
  port: PortRef
}

const FORM =
  '--forward [LOCAL:]TARGET:PORT, for example --forward 5432:svc/db:5432, --forward svc/db:5432 or --forward 127.0.0.1:0:pod/db-0:5432'
const TARGET = /^(?:(\w+)\/)?([a-z0-9_](?:[-a-z0-9_.]*[a-z0-9_.])?|\[[0-9a-f:.]+\])$/i
const KINDS: Readonly<Record<string, Forward['kind']>> = {
  svc: 'service',
  service: 'service',
  services: 'service',
  po: 'pod',
  pod: 'pod',
  pods: 'pod'
}

/** Throws BAD_USAGE with the form. */
export function parseForward(text: string): Forward {
  const bad = (why: string): InterceptError =>
    new InterceptError('BAD_USAGE', `--forward ${text} is not understood: ${why}`, { hint: FORM })
  const match = /^(?:(.*):)?((?:\w+\/)?(?:[^:/[\]]+|\[[^\]]*\])):([^:]+)$/.exec(text)
  const [, localText, target = '', portText = ''] = match ?? []
  const [, word, name = ''] = TARGET.exec(target) ?? []
  if (match === null || name === '') throw bad('it names no TARGET and PORT')
  const kind = word === undefined ? 'name' : KINDS[word.toLowerCase()]
  if (kind === undefined) throw bad(`${word ?? ''} is neither svc nor pod`)
  const port = readPort(portText)
  if (port === undefined) throw bad(`${portText} is neither a port number nor a port name`)
  const local = readLocal(localText ?? (typeof port === 'number' ? String(port) : '0'))
  if (local === undefined) throw bad(`${localText ?? ''} is no port or host:port of this machine`)
  return { text, local, kind, name: name.replace(/^\[|\]$/g, ''), port }
}

/** Throws BAD_USAGE for two that would listen on one port. */
export function refuseDoubled(forwards: readonly Forward[]): void {
  const taken = new Map<string, Forward>()
  for (const forward of forwards) {
    const { host, port } = forward.local
    const key = `${host === 'localhost' ? '127.0.0.1' : host} ${port}`
    const other = port === 0 ? undefined : taken.get(key)
    if (other !== undefined) {
      throw new InterceptError('BAD_USAGE', `--forward ${other.text} and --forward ${forward.text} would both listen on port ${port}`, {
        hint: `choose a port for one of them: --forward ${port === 65_535 ? 0 : port + 1}:${targetOf(forward)}`
      })
    }
    taken.set(key, forward)
  }
}

function readPort(text: string): PortRef | undefined {
  if (/^\d+$/.test(text)) return Number(text) >= 1 && Number(text) <= 65_535 ? Number(text) : undefined
  return /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text) ? text : undefined
}

function readLocal(text: string): Endpoint | undefined {
  const [, host, digits = ''] = /^(?:(\[[0-9a-f:.]+\]|[^:[\]/]+):)?(\d{1,5})$/i.exec(text) ?? []
  const port = digits === '' ? 65_536 : Number(digits)
  return port > 65_535 ? undefined : { host: host?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port }
}

/** `svc/db:5432`. */
export const targetOf = ({ kind, name, port }: Forward): string =>
  `${kind === 'name' ? '' : kind === 'pod' ? 'pod/' : 'svc/'}${name.includes(':') ? `[${name}]` : name}:${port}`

/** Throws as `resolveName` does. */
export async function resolveForward(names: Names, { kind, name, port }: Pick<Forward, 'kind' | 'name' | 'port'>): Promise<Destination> {
  const [first = '', namespace = names.namespace] = kind === 'service' ? name.split('.') : [name]
  if (kind === 'name') return resolveName(names, name, port)
  if (kind === 'pod') {
    const pod = await names.directory.pod(names.namespace, name)
    if (pod === undefined) throw notThere('pod', name, names.namespace)
    return ofPod(pod, port)
  }
  const service = await names.directory.service(namespace, first)
  if (service === undefined) throw notThere('Service', first, namespace)
  return ofService(names, service, { port, depth: 0, alias: undefined })
}

const notThere = (what: 'pod' | 'Service', name: string, namespace: string): InterceptError =>
  new InterceptError('TARGET_NOT_FOUND', `there is no ${what} ${name} in namespace ${namespace}`, {
    hint: `kubectl get ${what === 'pod' ? 'pods' : 'services'} -n ${namespace}`
  })

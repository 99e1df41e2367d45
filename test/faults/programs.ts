/** Our own server and sidecar as programs of their own, to be killed and frozen. */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/ports.ts'

const PROGRAM = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'kubectl-intercept.ts')

export interface OurServer extends Program {
  readonly tunnelPort: number
  readonly entrypointPort: number
}

export interface OurServerSetup {
  hosts: readonly (readonly [host: string, tunnelId: string])[]
  /** To start again where it was. */
  at?: { tunnelPort: number; entrypointPort: number }
  /** Default: ws. */
  carrier?: 'tcp' | 'ws'
}

async function started(argv: readonly string[], line: RegExp): Promise<Program> {
  const program = await startProgram(process.execPath, [PROGRAM, ...argv])
  try {
    await eventually(() => line.test(program.log()) || program.status() !== undefined, { timeoutMs: 20_000 })
    if (program.status() !== undefined) throw new Error(`it ended with status ${program.status()}: ${program.log()}`)
  } catch (error) {
    await program.stop()
    throw error
  }
  return program
}

export async function startOurServer({ hosts, at, carrier = 'ws' }: OurServerSetup): Promise<OurServer> {
  const { tunnelPort, entrypointPort } = at ?? { tunnelPort: await freePort(), entrypointPort: await freePort() }
  const rules = hosts.map(([host, tunnelId]) => `${host}:${tunnelId}`).join(',')
  const listen = `tunnel+${carrier}://127.0.0.1:${tunnelPort}?entrypoint=127.0.0.1:${entrypointPort}&path=/proxy&tunnel=${rules}`
  const program = await started(['server', '-L', listen], /tunnel server on port/)
  return { ...program, tunnelPort, entrypointPort }
}

export interface OurSidecarSetup {
  tunnelPort: number
  tunnelId: string
  appPort: number
  weight: number
  /** Default: ws. */
  carrier?: 'tcp' | 'ws'
}

export const startOurSidecar = ({ tunnelPort, tunnelId, appPort, weight, carrier = 'ws' }: OurSidecarSetup): Promise<Program> =>
  started(
    [
      'sidecar',
      '-L',
      `rtcp://:0/127.0.0.1:${appPort}`,
      '-F',
      `tunnel+${carrier}://127.0.0.1:${tunnelPort}?path=/proxy&tunnel.id=${tunnelId}&tunnel.weight=${weight}`
    ],
    /registered at/
  )

/** `kubectl intercept` on this tunnel, without a cluster. */
export async function startOurAgent({ tunnelPort, tunnelId, appPort, weight }: OurSidecarSetup): Promise<Program> {
  const server = `ws://127.0.0.1:${tunnelPort}/proxy`
  const argv = ['--tunnel-server', server, '--tunnel-id', tunnelId, '--port', String(appPort), '--weight', String(weight), '-o', 'plain']
  return started(argv, /registered/)
}

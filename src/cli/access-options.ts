/** `--forward`, `--listen` and `--via-pod` → an open access to the cluster. Shared by `access` and `intercept -- COMMAND`. */
import type { Access, openAccess } from '../access/open-access.ts'
import { formatEndpoint } from '../base/connection.ts'
import type { Cluster } from '../kube/types.ts'
import type { CommandContext } from './context.ts'
import { readWhole } from './values.ts'

type OnConnection = Parameters<typeof openAccess>[0]['onConnection']

export interface AccessFlags {
  /** Says where each forward listens. */
  open(cluster: Cluster, say: (line: string) => void, onConnection?: OnConnection): Promise<Access>
}

/** Throws BAD_USAGE. */
export async function readAccessFlags({ args, clock, log, parts }: CommandContext): Promise<AccessFlags> {
  const [{ parseForward, refuseDoubled, targetOf }, { insidePodOf, parseInsidePod }] = await Promise.all([
    import('../access/forward.ts'),
    import('../access/inside-dial.ts')
  ])
  const forwards = args.all('forward').map(parseForward)
  refuseDoubled(forwards)
  const listen = args.text('listen')
  const port = listen === undefined ? 0 : readWhole({ flag: '--listen', text: listen }, { min: 0, max: 65_535, example: 1_080 })
  const via = args.text('via-pod')
  return {
    async open(cluster, say, onConnection) {
      const open = await parts.openAccess()
      const { namespace } = cluster
      const viaPod = via === undefined ? undefined : await insidePodOf(cluster, parseInsidePod(via, namespace))
      const access = await open({ cluster, namespace, clock, log: log.child('access'), say, port, forwards, viaPod, onConnection })
      for (const { local, forward } of access.forwards) say(`${formatEndpoint(local)} → ${targetOf(forward)}`)
      return access
    }
  }
}

/**
 * A pulled cable inside the cluster's own network: the kernel drops every packet from and to a TCP port, so that both ends keep their
 * connections, send again later and later, and a dial waits. Needs the rights that `test/cluster/up` has.
 */
import { execFileSync } from 'node:child_process'

export interface Cut {
  pull(): void
  /** Idempotent. */
  plug(): void
}

export function cable(port: number): Cut {
  let pulled = false
  const rules = (action: '-I' | '-D'): void => {
    for (const side of ['--dport', '--sport'])
      execFileSync('iptables', ['-w', action, 'INPUT', '-p', 'tcp', side, String(port), '-j', 'DROP'])
  }
  return {
    pull() {
      rules('-I')
      pulled = true
    },
    plug() {
      if (pulled) rules('-D')
      pulled = false
    }
  }
}

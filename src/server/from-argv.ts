/**
 * What gost's command line says (`discovery/` reads it) → the options of our server and sidecar: `kubectl intercept server -L tunnel+ws://…` and
 * `sidecar -L rtcp://… -F tunnel+ws://…`. Pure but for the files that the arguments name, which the caller reads.
 */
import { InterceptError } from '../base/errors.ts'
import type { Dial } from '../base/connection.ts'
import type { ServerFact, SidecarFact } from '../discovery/types.ts'
import type { ServerOptions } from './run-server.ts'
import type { SidecarOptions } from './sidecar.ts'

/** Throws CONFIG_INVALID when a file that is needed is not named or cannot be read. */
export function serverOptionsFrom(
  fact: ServerFact,
  readFile: (path: string) => string
): Pick<ServerOptions, 'tunnel' | 'entrypoints' | 'rules' | 'credentials' | 'direct' | 'limits'> {
  const { carrier, path, port, host = '' } = fact
  return {
    tunnel: { host, port, carrier, path, ...(fact.tls ? { tls: certificateOf(fact, readFile) } : {}) },
    entrypoints: fact.entrypoints.map(entrypoint => ({
      host: entrypoint.host ?? '',
      port: entrypoint.port,
      proxyProtocol: entrypoint.proxyProtocol > 0
    })),
    rules: fact.rules.map(rule => ({ host: rule.host, tunnelId: rule.tunnelId, private: rule.private })),
    credentials: fact.auth,
    direct: fact.direct ?? false,
    limits: { firstByteTimeoutMs: fact.readTimeoutMs }
  }
}

function certificateOf({ certFile, keyFile }: ServerFact, readFile: (path: string) => string): { cert: string; key: string } {
  if (certFile === undefined || keyFile === undefined || certFile === '' || keyFile === '') {
    throw new InterceptError('CONFIG_INVALID', 'a tunnel listener with TLS needs a certificate and a key', {
      hint: 'name both files: -L tunnel+wss://:8421?certFile=tls.crt&keyFile=tls.key'
    })
  }
  try {
    return { cert: readFile(certFile), key: readFile(keyFile) }
  } catch (cause) {
    throw new InterceptError('CONFIG_INVALID', `the certificate ${certFile} or its key ${keyFile} cannot be read`, {
      hint: 'mount the Secret that holds both: kubectl get secret -o name',
      cause
    })
  }
}

/** `dial` reaches the tunnel port, the carrier included. Throws CONFIG_INVALID without an app. */
export function sidecarOptionsFrom(fact: SidecarFact, dial: Dial): SidecarOptions {
  if (fact.app === undefined) {
    throw new InterceptError('CONFIG_INVALID', 'the connector has no app to forward to', {
      hint: 'name its port: kubectl intercept sidecar -L rtcp://:0/:8080 -F tunnel+ws://…'
    })
  }
  return {
    dial,
    // Without one gost makes a random id at each start, which nobody else can join.
    tunnelId: fact.tunnelId ?? crypto.randomUUID(),
    weight: Math.max(1, fact.weight),
    target: fact.app,
    ...(fact.network === 'udp' ? { network: fact.network } : {}),
    ...(fact.auth === undefined ? {} : { auth: fact.auth })
  }
}

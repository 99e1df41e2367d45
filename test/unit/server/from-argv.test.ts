import { describe, expect, it } from 'vitest'
import { gostFactsOfArgv } from '../../../src/discovery/container.ts'
import { serverOptionsFrom, sidecarOptionsFrom } from '../../../src/server/from-argv.ts'
import type { SidecarFact } from '../../../src/discovery/types.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'
const noFiles = (): { problem: string } => ({ problem: 'is not there' })

const server = (url: string, readFile: (path: string) => string = path => `<${path}>`): ReturnType<typeof serverOptionsFrom> => {
  const [fact] = gostFactsOfArgv(['-L', url], noFiles).servers
  if (fact === undefined) throw new Error('no server in the arguments')
  return serverOptionsFrom(fact, readFile)
}

const sidecar = (...argv: string[]): SidecarFact => {
  const [fact] = gostFactsOfArgv(argv, noFiles).sidecars
  if (fact === undefined) throw new Error('no sidecar in the arguments')
  return fact
}

const dial = (): never => {
  throw new Error('not dialled here')
}

describe('server from gost’s arguments', () => {
  it('reads the article’s line', () => {
    expect(server(`tunnel+ws://:8421?entrypoint=:80&tunnel=nginx.local:${ID}&path=/proxy`)).toEqual({
      tunnel: { host: '', port: 8421, carrier: 'ws', path: '/proxy' },
      entrypoints: [{ host: '', port: 80, proxyProtocol: false }],
      rules: [{ host: 'nginx.local', tunnelId: ID, private: false }],
      credentials: [],
      direct: false,
      limits: { firstByteTimeoutMs: 15_000 }
    })
  })

  it('reads credentials, addresses, private rules, timeouts, direct and the PROXY protocol', () => {
    const options = server(
      `tunnel://u:p@127.0.0.1:9000?entrypoint=127.0.0.1:81&entrypoint.readTimeout=3s&entrypoint.ProxyProtocol=1&tunnel.direct=true&tunnel=a.b:$${ID},*.c:${ID}`
    )
    expect(options).toMatchObject({
      tunnel: { host: '127.0.0.1', port: 9000, carrier: 'tcp' },
      entrypoints: [{ host: '127.0.0.1', port: 81, proxyProtocol: true }],
      rules: [
        { host: 'a.b', tunnelId: ID, private: true },
        { host: '*.c', tunnelId: ID, private: false }
      ],
      credentials: [{ user: 'u', password: 'p' }],
      direct: true,
      limits: { firstByteTimeoutMs: 3_000 }
    })
  })

  it('reads certificate and key, and says what is missing', () => {
    expect(server('tunnel+wss://:8421?certFile=/tls/tls.crt&keyFile=/tls/tls.key').tunnel.tls).toEqual({
      cert: '</tls/tls.crt>',
      key: '</tls/tls.key>'
    })
    expect(() => server('tunnel+wss://:8421')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('certFile=') })
    )
    const unreadable = (): never => {
      throw new Error('EACCES')
    }
    expect(() => server('tunnel+tls://:8421?certFile=a&keyFile=b', unreadable)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

describe('sidecar from gost’s arguments', () => {
  it('reads the article’s line', () => {
    const fact = sidecar('-L', 'rtcp://:0/:80', '-F', `tunnel+ws://proxy:8421?tunnel.id=${ID}&tunnel.weight=1&path=/proxy`)
    expect(sidecarOptionsFrom(fact, dial)).toEqual({ dial, tunnelId: ID, weight: 1, target: { host: '', port: 80 } })
  })

  it('takes weight 0 as 1, credentials, and makes up an id where gost does', () => {
    const fact = sidecar('-L', 'rtcp://:0/127.0.0.1:3000', '-F', 'tunnel+ws://u:p@proxy:8421?path=/proxy')
    const options = sidecarOptionsFrom(fact, dial)
    expect(options).toMatchObject({ weight: 1, target: { host: '127.0.0.1', port: 3000 }, auth: { user: 'u', password: 'p' } })
    expect(options.tunnelId).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('says what is missing without an app', () => {
    const fact = sidecar('-L', 'rtcp://:0', '-F', `tunnel+ws://proxy:8421?tunnel.id=${ID}`)
    expect(() => sidecarOptionsFrom(fact, dial)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

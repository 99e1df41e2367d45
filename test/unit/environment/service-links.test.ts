import { describe, expect, it } from 'vitest'
import { linkedServices, serviceLinks } from '../../../src/environment/service-links.ts'
import { record, serviceOf } from './objects.ts'

describe('service links', () => {
  it("have the kubelet's names, with docker's for each port", () => {
    const service = serviceOf('my-db', '10.96.0.7', [
      { name: 'sql-main', port: 5432 },
      { name: 'dns', port: 53, protocol: 'UDP' }
    ])
    expect(record(serviceLinks([service]))).toEqual({
      MY_DB_SERVICE_HOST: '10.96.0.7',
      MY_DB_SERVICE_PORT: '5432',
      MY_DB_SERVICE_PORT_SQL_MAIN: '5432',
      MY_DB_SERVICE_PORT_DNS: '53',
      MY_DB_PORT: 'tcp://10.96.0.7:5432',
      MY_DB_PORT_5432_TCP: 'tcp://10.96.0.7:5432',
      MY_DB_PORT_5432_TCP_PROTO: 'tcp',
      MY_DB_PORT_5432_TCP_PORT: '5432',
      MY_DB_PORT_5432_TCP_ADDR: '10.96.0.7',
      MY_DB_PORT_53_UDP: 'udp://10.96.0.7:53',
      MY_DB_PORT_53_UDP_PROTO: 'udp',
      MY_DB_PORT_53_UDP_PORT: '53',
      MY_DB_PORT_53_UDP_ADDR: '10.96.0.7'
    })
  })

  it('put an IPv6 address in brackets in URLs only', () => {
    expect(record(serviceLinks([serviceOf('six', 'fd00::7', [{ port: 80 }])]))).toMatchObject({
      SIX_SERVICE_HOST: 'fd00::7',
      SIX_PORT: 'tcp://[fd00::7]:80',
      SIX_PORT_80_TCP_ADDR: 'fd00::7'
    })
  })

  it('leave out headless Services and those without an address', () => {
    expect(serviceLinks([serviceOf('a', 'None', [{ port: 1 }]), serviceOf('b', '', [{ port: 1 }])])).toEqual([])
  })

  it("tell of the cluster's own API server, whatever a namespace calls kubernetes", () => {
    const own = serviceOf('kubernetes', '10.96.5.5', [{ port: 1 }])
    const master = serviceOf('kubernetes', '10.96.0.1', [{ port: 443 }], 'default')
    expect(record(serviceLinks(linkedServices('shop', true, [own, master])))['KUBERNETES_SERVICE_HOST']).toBe('10.96.0.1')
    expect(record(serviceLinks(linkedServices('shop', true, [own])))['KUBERNETES_SERVICE_HOST']).toBe('10.96.5.5')
  })
})

/** The tunnel suite with both ends ours, on loopback. */
import { tunnelSuite } from './tunnel-suite.ts'

const common = { server: 'ours', connector: 'sidecar', bulkBytes: 4_000_000, samples: 100, differs: [] } as const

tunnelSuite({ ...common, carrier: 'ws', cases: 'all' })
tunnelSuite({ ...common, carrier: 'tcp', cases: 'carrier' })
tunnelSuite({ ...common, carrier: 'tls', cases: 'carrier' })
tunnelSuite({ ...common, carrier: 'wss', cases: 'carrier' })

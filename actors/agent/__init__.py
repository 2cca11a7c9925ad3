"""An agent: presence chosen by the agent, a lease held by the connections, a mailbox."""

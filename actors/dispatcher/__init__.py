"""The dispatcher of a tenant: queues, roster, and the decision which agent is offered what."""

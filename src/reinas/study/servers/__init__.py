"""Figure 3: parameter-server shards and controller replicas (Zoph & Le 2016, section 3.2)."""

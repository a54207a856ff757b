"""The platforms whose shops `recommend init` knows: how one is recognised, what its queries need to know."""

"""What the open cycle will come to, which days have money attached, and what another choice would cost."""

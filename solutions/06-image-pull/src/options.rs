//! The command line of this chapter, for the later ones as well.

not copied
